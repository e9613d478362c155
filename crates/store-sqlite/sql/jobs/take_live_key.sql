-- Differs from Postgres: nobody else can take it meanwhile.
INSERT INTO job_live_keys (workspace_id, dedupe_key, job_id)
VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
