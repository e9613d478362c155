-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO job_inputs (job_id, seq, request)
VALUES ($1, $2, $3)
