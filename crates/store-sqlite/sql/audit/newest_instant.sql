-- Differs from Postgres: SQLite's names of types and functions.
-- The engine has no clock: the newest event stands for it. One seek a workspace.
WITH RECURSIVE spaces (id) AS (
    SELECT min(workspace_id) FROM events
    UNION ALL
    SELECT (SELECT min(e.workspace_id) FROM events e WHERE e.workspace_id > s.id) FROM spaces s WHERE s.id IS NOT NULL
)
SELECT coalesce(max((
    SELECT e.created_at FROM events e WHERE e.workspace_id = s.id ORDER BY e.seq DESC LIMIT 1
)), 0)
FROM spaces s
WHERE s.id IS NOT NULL
