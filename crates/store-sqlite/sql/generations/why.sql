-- Differs from Postgres: queues are looked up by the caller.
SELECT coalesce(r.queue_id, p.queue_id) AS queue_id, coalesce(r.sort_key, p.sort_key) AS sort_key,
       r.id AS ready_id, p.reason AS reason, p.not_before_at AS not_before_at,
       coalesce(r.spent, p.spent) AS spent, coalesce(r.last_error, p.last_error) AS last_error,
       g.target AS target, g.job_id AS job_id, t.generation_id AS holder_id
FROM generations g
LEFT JOIN ready r ON r.id = g.id
LEFT JOIN parked p ON p.id = g.id
LEFT JOIN live_targets t ON t.workspace_id = g.workspace_id AND t.target = g.target
WHERE g.id = $1 AND g.workspace_id = $2
