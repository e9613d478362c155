-- Differs from SQLite: names, types and functions. What may have been pruned is not missed.
select g.workspace_id, g.id as subject, format('%s final events', coalesce(e.ends, 0)) as detail
from generations g
left join outcomes o on o.id = g.id and o.id > $1 and o.id <= $2
left join (
  select generation_id, count(*) as ends
  from events
  where generation_id > $1 and generation_id <= $2
    and kind in ('generation.completed', 'generation.failed', 'generation.cancelled')
  group by generation_id
) e on e.generation_id = g.id
where g.id > $1 and g.id <= $2
  and coalesce(e.ends, 0) <> case when o.id is null then 0 else 1 end
  and (o.id is null or coalesce(e.ends, 0) > 1
       or o.finished_at >= coalesce((select before_at from retention where what = 'events'), '-infinity'))
