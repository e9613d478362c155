-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE job_items
SET status = $1, note_code = $2, note = $3, generation_id = coalesce($4, generation_id), draft_id = coalesce($5, draft_id)
WHERE job_id = $6 AND seq = $7 AND status = $8
