-- Differs from SQLite: a lateral join, no index is named, and parameters say their type.
select case
           when p.verification = $1::text and $1 <> $2::text then 0
           when $3::boolean and p.contact_email is null then 1
           when p.verification <> $2 then 2
           when $4::text is not null and (p.source_type is null or p.source_type <> $4) then 3
           when p.sent_at is not null or d.current_version > 0 then 4
           when d.live_generation_id is not null then 5
           else 6
       end as standing, count(*) as prospects
from prospect_list p
left join lateral (
    select x.id, x.status, x.review, x.live_generation_id, x.current_version from drafts x
    where x.workspace_id = p.workspace_id and x.external_id = p.draft_name and x.deleted_at is null
    order by x.id desc limit 1
) d on true
where p.workspace_id = $5 and p.deleted_at is null
  and ($6::text is null or p.verification = $6) and ($7::text is null or p.source_type = $7)
  and ($8::text is null or p.category = $8) and ($9::boolean is null or $9 = (p.contact_email is not null))
  and ($10::uuid is null or p.import_id = $10)
  and ($11::int is null or $11 = case when d.id <= p.sent_draft_id then 3 when d.current_version > 0 then 2 when d.live_generation_id is not null then 1 when p.sent_at is not null then 3 else 0 end)
  and ($12::timestamptz is null or p.sent_at < $12) and ($13::boolean is null or $13 = (p.answered_at is not null))
group by 1
