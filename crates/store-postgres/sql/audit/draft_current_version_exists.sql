-- Differs from SQLite: names, types and functions.
select d.workspace_id, d.id as subject,
       format('current %s, counted %s, stored %s', d.current_version, d.version_count, v.stored) as detail
from drafts d
cross join lateral (
  select count(*) as stored, count(*) filter (where number = d.current_version) as current
  from versions
  where draft_id = d.id
) v
where (d.workspace_id, d.id) > ($1, $2) and (d.workspace_id, d.id) <= ($3, $4)
  and (v.stored <> d.version_count
   or (d.current_version = 0) <> (v.stored = 0)
   or (d.current_version > 0 and v.current <> 1))
