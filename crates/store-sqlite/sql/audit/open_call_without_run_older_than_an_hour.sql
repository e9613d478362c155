-- Differs from Postgres: SQLite's names of types and functions.
SELECT c.workspace_id, c.id, 'open'
FROM calls c
WHERE c.closed_at IS NULL
  AND c.opened_at < $1 - 3600000000
  AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = c.generation_id AND r.call_id = c.id)
