-- Differs from SQLite: the names of the queue included.
select r.id as ready_id, coalesce(r.queue_id, p.queue_id) as queue_id, coalesce(r.sort_key, p.sort_key) as sort_key,
       p.reason, p.not_before_at, coalesce(r.spent, p.spent) as spent, coalesce(r.last_error, p.last_error) as last_error,
       g.recipe, q.workspace_id, q.provider, q.model, q.onward, g.target, g.job_id, t.generation_id as holder_id
from generations g
left join ready r on r.id = g.id
left join parked p on p.id = g.id
left join queues q on q.id = coalesce(r.queue_id, p.queue_id)
left join live_targets t on t.workspace_id = g.workspace_id and t.target = g.target
where g.id = $1 and g.workspace_id = $2
