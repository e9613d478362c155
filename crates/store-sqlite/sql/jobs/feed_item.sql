-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE job_items
SET status = $1, generation_id = $2, draft_id = $3, note_code = NULL, note = NULL
WHERE job_id = $4 AND seq = $5
