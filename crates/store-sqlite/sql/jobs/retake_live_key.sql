-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO job_live_keys (workspace_id, dedupe_key, job_id)
SELECT workspace_id, dedupe_key, id FROM job_list WHERE id = $1 AND dedupe_key IS NOT NULL
ON CONFLICT DO NOTHING
