-- Differs from Postgres: one writer, so nothing is locked.
SELECT c.workspace_id AS workspace_id, c.id AS id, c.operation AS operation, g.input_bytes AS input_bytes
FROM calls c
JOIN generations g ON g.id = c.generation_id
WHERE c.closed_at IS NULL
  AND c.opened_at < $1
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = c.generation_id AND r.call_id = c.id)
ORDER BY c.opened_at
LIMIT $2
