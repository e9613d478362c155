-- Differs from SQLite: of all workspaces that have a feed, along the one sequence.
SELECT e.seq, e.workspace_id, e.kind
FROM events e
WHERE e.seq > $1 AND EXISTS (SELECT FROM webhook_feeds f WHERE f.workspace_id = e.workspace_id)
ORDER BY e.seq
LIMIT $2
