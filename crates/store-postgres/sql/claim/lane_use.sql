-- Differs from SQLite: names included, and whether anything is to be counted is decided here, because what is probing is
-- only known now.
-- The lanes are counted in the run rows themselves, so nothing can drift. As many rows as generations are processing.
-- What waits for a job at its provider is no part of `holding`, which the global limit counts.
select q.id, q.workspace_id, q.recipe, q.provider, q.model, q.onward, n.running, n.holding
from (
  select queue_id, count(*) as running, count(*) filter (where not waiting) as holding
  from runs
  where $1::boolean or exists (select from health where open_until is not null)
  group by queue_id
) n
join queues q on q.id = any (array[n.queue_id])
