-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE job_items
SET status = $1, note_code = $2, note = $3
WHERE job_id = $4 AND seq = $5 AND generation_id = $6
