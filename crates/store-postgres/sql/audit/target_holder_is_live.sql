-- Differs from SQLite: names, types and functions.
select t.workspace_id, t.generation_id as subject, t.target as detail
from live_targets t
where not exists (
  select 1
  from (select id from ready union all select id from parked union all select id from runs) l
  join generations g on g.id = l.id
  where l.id = t.generation_id and g.target = t.target and g.workspace_id = t.workspace_id
)
