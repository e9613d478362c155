-- Differs from SQLite: names, types and functions.
select v.generation_id as subject,
       format('version %s, and the generation is %s', v.number, coalesce(o.status, 'not final')) as detail
from versions v
left join outcomes o on o.id = v.generation_id
where v.origin in ('generated', 'fallback', 'stopped')
  and (o.status is null or o.status <> 'completed')
