-- Differs from Postgres: SQLite's names of types and functions.
SELECT workspace_id, id FROM drafts
WHERE (workspace_id, id) > ($1, $2) AND (workspace_id, id) <= ($3, $4)
ORDER BY workspace_id, id LIMIT $5
