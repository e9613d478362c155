-- Differs from SQLite: the type of what may be absent is named.
DELETE FROM sources
WHERE workspace_id = $1 AND id = $2 AND ($3::bigint IS NULL OR revision = $3)
RETURNING id
