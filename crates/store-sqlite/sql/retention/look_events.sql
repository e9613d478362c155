-- Differs from Postgres: one writer, so nothing is locked.
-- The oldest events after a place, and which of them may go: never the newest one of a workspace.
SELECT e.workspace_id, e.seq, e.created_at,
       e.created_at < $1 AND e.seq < (SELECT max(n.seq) FROM events n WHERE n.workspace_id = e.workspace_id) AS old
FROM events e
WHERE (e.workspace_id, e.seq) > ($2, $3)
ORDER BY e.workspace_id, e.seq
LIMIT $4
