SELECT fingerprint, id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, ended_at
FROM budgets
WHERE workspace_id = $1 AND idempotency_key = $2
