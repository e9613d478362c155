-- Differs from Postgres: one at a time. Everything stands last.
SELECT id, recipient, list, reason, created_at
FROM suppressions
WHERE workspace_id = $1 AND recipient = $2 AND list IN ('', $3)
ORDER BY list DESC
