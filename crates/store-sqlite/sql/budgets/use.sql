-- Differs from Postgres: one at a time, and one writer, so nothing is locked.
SELECT used, reserved, warned
FROM budget_use
WHERE budget_id = $1 AND period_at = $2 AND owner_id = $3
