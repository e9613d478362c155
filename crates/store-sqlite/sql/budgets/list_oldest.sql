SELECT id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, ended_at
FROM budgets
WHERE workspace_id = $1 AND id > $2 AND ($3 OR ended_at IS NULL)
ORDER BY id
LIMIT $4
