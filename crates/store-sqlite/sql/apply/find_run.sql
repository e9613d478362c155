-- Only here: `fence` there, for all tables at once. Reading first and deleting then is cheaper than RETURNING, which keeps
-- its rows in a table of its own.
SELECT queue_id, sort_key, deadline_at, model, step, last_error_code, last_error
FROM runs
WHERE id = $1 AND workspace_id = $2 AND attempt = $3 AND row_version = $4
