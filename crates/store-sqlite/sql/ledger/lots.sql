-- Differs from Postgres: one account at a time.
SELECT transfer_id, expires_at, remaining
FROM lots
WHERE workspace_id = $1 AND user_id = $2
ORDER BY expires_at, transfer_id
