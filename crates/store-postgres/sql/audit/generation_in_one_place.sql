-- Differs from SQLite: names, types and functions.
-- A generation is in exactly one of ready, parked, runs, outcomes; a row of these has its generation.
select g.workspace_id, g.id as subject, format('in %s places', count(p.id)) as detail
from generations g
left join (
  select id from outcomes where id > $1 and id <= $2
  union all select id from ready where id > $1 and id <= $2
  union all select id from parked where id > $1 and id <= $2
  union all select id from runs where id > $1 and id <= $2
) p on p.id = g.id
where g.id > $1 and g.id <= $2
group by g.id
having count(p.id) <> 1
union all
select p.workspace_id, p.id, 'was never accepted'
from (
  select workspace_id, id from outcomes where id > $1 and id <= $2
  union all select workspace_id, id from ready where id > $1 and id <= $2
  union all select workspace_id, id from parked where id > $1 and id <= $2
  union all select workspace_id, id from runs where id > $1 and id <= $2
) p
where not exists (select 1 from generations g where g.id = p.id and g.id > $1 and g.id <= $2)
