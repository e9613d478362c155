-- Differs from Postgres: one writer, so one row at a time costs no round trip.
DELETE FROM job_live_keys
WHERE job_id = $1
