-- Differs from SQLite: names, types and functions.
select v.workspace_id, v.generation_id as subject,
       format('version %s, and the generation is %s', v.number, coalesce(o.status, 'not final')) as detail
from versions v
left join outcomes o on o.id = v.generation_id and o.id > $1 and o.id <= $2
where v.generation_id > $1 and v.generation_id <= $2
  and v.origin in ('generated', 'fallback', 'stopped')
  and (o.status is null or o.status <> 'completed')
