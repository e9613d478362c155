-- Differs from SQLite: a lateral join, and parameters that may be null say their type.
select p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at, d.id as draft_id, d.status as draft_status, d.review as draft_review,
       d.live_generation_id as draft_live, d.current_version as draft_version, v.title as draft_title, v.body as draft_body
from prospect_list p
left join lateral (
    select x.id, x.status, x.review, x.live_generation_id, x.current_version from drafts x
    where x.workspace_id = p.workspace_id and x.external_id = p.draft_name and x.deleted_at is null
    order by x.id desc limit 1
) d on true
left join versions v on v.draft_id = d.id AND v.number = d.current_version
where p.workspace_id = $1 and p.id < $2 and p.deleted_at is null
  and ($3::text is null or p.verification = $3) and ($4::text is null or p.source_type = $4)
  and ($5::text is null or p.category = $5) and ($6::boolean is null or $6 = (p.contact_email is not null))
  and ($7::uuid is null or p.import_id = $7)
  and ($8::int is null or $8 = case when d.id <= p.sent_draft_id then 3 when d.current_version > 0 then 2 when d.live_generation_id is not null then 1 when p.sent_at is not null then 3 else 0 end)
  and ($9::timestamptz is null or p.sent_at < $9) and ($10::boolean is null or $10 = (p.answered_at is not null))
order by p.id desc
limit $11
