-- Differs from Postgres: one writer, so nothing is locked.
-- The oldest messages after a place, and which of them may go: those that ended before $1.
SELECT d.workspace_id, d.id, d.created_at, d.ended_at IS NOT NULL AND d.ended_at < $1 AS old
FROM webhook_deliveries d
WHERE (d.workspace_id, d.id) > ($2, $3)
ORDER BY d.workspace_id, d.id
LIMIT $4
