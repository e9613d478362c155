-- Differs from SQLite: names included.
-- A loose index scan: one seek for each queue that has something ready, however much it has.
with recursive waiting (queue_id) as (
  (select r.queue_id from ready r order by r.queue_id limit 1)
  union all
  select (select r.queue_id from ready r where r.queue_id > w.queue_id order by r.queue_id limit 1)
  from waiting w
  where w.queue_id is not null
)
select q.id, q.workspace_id, q.recipe, q.provider, q.model, q.onward
from waiting w
join queues q on q.id = any (array[w.queue_id])
