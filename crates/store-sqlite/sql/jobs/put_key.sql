-- Differs from Postgres: one writer, so nobody is faster.
INSERT INTO job_keys (workspace_id, idempotency_key, fingerprint, job_id, deduplicated)
VALUES ($1, $2, $3, $4, $5)
