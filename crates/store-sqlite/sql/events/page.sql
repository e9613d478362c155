-- Differs from Postgres: spelling only.
SELECT seq, kind, generation_id, draft_id, user_id, created_at, data
FROM events
WHERE workspace_id = $1 AND seq > $2
ORDER BY seq
LIMIT $3
