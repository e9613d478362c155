-- Differs from Postgres: one writer, so nobody is faster.
INSERT INTO budgets
    (id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, idempotency_key,
     fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
