-- Differs from SQLite: what is there already was put there by a faster one, and then nothing is written.
insert into budgets
  (id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, idempotency_key, fingerprint)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (workspace_id, idempotency_key) do nothing
returning id
