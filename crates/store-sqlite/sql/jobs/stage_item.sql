-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO job_items (job_id, seq, workspace_id, custom_id, status, note_code, note)
VALUES ($1, $2, $3, $4, $5, $6, $7)
