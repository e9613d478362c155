-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE job_items
SET status = $1, note_code = NULL, note = NULL, model = coalesce($2, model)
WHERE job_id = $3 AND seq = $4
