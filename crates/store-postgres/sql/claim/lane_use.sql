-- Differs from SQLite: names included.
-- The lanes are counted in the run rows themselves, so nothing can drift. As many rows as generations are processing.
select q.id, q.workspace_id, q.recipe, q.provider, q.model, n.running
from (select queue_id, count(*) as running from runs group by queue_id) n
join queues q on q.id = any (array[n.queue_id])
