-- Differs from SQLite: names, types and functions.
-- What lives of a job is what its item is made of now, and so no item has two; what has ended as an item's last one has
-- given it its draft if and only if it was completed.
select g.workspace_id, g.id as subject,
       format('item %s is %s, its generation %s', g.job_seq, coalesce(i.status, 'gone'), coalesce(o.status, 'lives')) as detail
from generations g
left join outcomes o on o.id = g.id
left join job_items i on i.job_id = g.job_id and i.seq = g.job_seq
where g.id > $1 and g.id <= $2 and g.job_id is not null
  and (i.status is null
       or (o.id is null and (i.generation_id is distinct from g.id or i.status <> 'processing'))
       or (o.id is not null and i.generation_id = g.id
           and (i.status = 'processing' or (i.status = 'completed') <> (o.status = 'completed'))))
