-- Differs from SQLite: what is there already was put there by a faster one, and then nothing is written.
insert into job_keys (workspace_id, idempotency_key, fingerprint, job_id, deduplicated)
values ($1, $2, $3, $4, $5)
on conflict do nothing
returning job_id
