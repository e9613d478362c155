-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT status
FROM job_items
WHERE job_id = $1 AND seq = $2 AND workspace_id = $3
