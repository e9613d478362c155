SELECT u.owner_id, u.period_at, u.used, u.reserved, u.warned
FROM budget_use u
JOIN budgets b ON b.id = u.budget_id
WHERE b.workspace_id = $1 AND u.budget_id = $2 AND u.period_at >= $3 AND u.used + u.reserved > 0
ORDER BY u.period_at DESC, u.used + u.reserved DESC, u.owner_id
LIMIT $4
