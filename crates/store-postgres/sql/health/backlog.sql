-- Differs from SQLite: casts, and names in the order of their bytes whatever the database's language.
select q.recipe, q.model, w.reason, sum(w.waiting)::bigint as waiting
from (select queue_id, $1::text as reason, count(*) as waiting from ready group by queue_id
      union all
      select queue_id, reason, count(*) from parked group by queue_id, reason) w
join queues q on q.id = w.queue_id
group by q.recipe, q.model, w.reason
order by q.recipe collate "C", q.model collate "C", w.reason collate "C"
