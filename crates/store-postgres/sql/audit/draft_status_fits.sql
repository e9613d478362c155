-- Differs from SQLite: names, types and functions.
select d.workspace_id, d.id as subject,
       format('%s, with %s versions and a live generation that is %s', d.status, d.version_count,
              coalesce(s.status, 'absent')) as detail
from drafts d
left join (
  select id, 'pending' as status from ready
  union all select id, 'pending' from parked
  union all select id, 'processing' from runs
) s on s.id = d.live_generation_id
where (d.workspace_id, d.id) > ($1, $2) and (d.workspace_id, d.id) <= ($3, $4)
  and not case d.status
    when 'pending' then d.version_count = 0 and s.status is not distinct from 'pending'
    when 'processing' then d.version_count = 0 and s.status is not distinct from 'processing'
    when 'draft' then d.version_count > 0
    when 'published' then d.version_count > 0 and s.status is null
    else d.version_count = 0 and s.status is null
  end
