-- Differs from Postgres: two statements do what one with a deleting CTE does there. This one first, then `remove_due`.
INSERT INTO ready
    (queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
     last_error_code, last_error)
SELECT queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
       last_error_code, last_error
FROM parked
WHERE not_before_at IS NOT NULL AND not_before_at <= $1
ORDER BY not_before_at, id
LIMIT $2
