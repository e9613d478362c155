SELECT attempt, at, ms, outcome, status, detail
FROM webhook_attempts
WHERE workspace_id = $1 AND delivery_id = $2
ORDER BY attempt
