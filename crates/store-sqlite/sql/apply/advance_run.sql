-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE runs
SET row_version = $1, step = coalesce($2, step), call_id = coalesce($3, call_id), waiting = $4
WHERE id = $5 AND workspace_id = $6 AND attempt = $7 AND row_version = $8
