-- Differs from SQLite: what is there already was put there by a faster one, and then nothing is written.
insert into job_live_keys (workspace_id, dedupe_key, job_id)
values ($1, $2, $3)
on conflict do nothing
returning job_id
