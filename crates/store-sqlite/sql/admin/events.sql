-- Differs from Postgres: numbers become visible in their order.
SELECT seq, kind, generation_id, draft_id, created_at, data
FROM events
WHERE workspace_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3
