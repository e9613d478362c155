-- Differs from SQLite: the newest draft is found by a lateral join.
select p.id, p.workspace_id, p.verification, p.import_id, p.revision, p.created_at, p.updated_at, p.external_id, p.name, p.company,
       p.contact_email, p.website, p.category, p.source_type, p.notes, p.verification_reason, p.judged, p.facts, p.sent_at, p.sent_draft_id, p.answered_at, d.id as draft_id, d.status as draft_status, d.review as draft_review,
       d.live_generation_id as draft_live, d.current_version as draft_version, v.title as draft_title, v.body as draft_body
from (
    select workspace_id, id from prospect_list
    where workspace_id = $1 and deleted_at is null
    order by id limit $2 offset $3
) c
join prospect_list p on p.workspace_id = c.workspace_id and p.id = c.id
left join lateral (
    select x.id, x.status, x.review, x.live_generation_id, x.current_version from drafts x
    where x.workspace_id = p.workspace_id and x.external_id = p.draft_name and x.deleted_at is null
    order by x.id desc limit 1
) d on true
left join versions v on v.draft_id = d.id AND v.number = d.current_version
order by p.id
