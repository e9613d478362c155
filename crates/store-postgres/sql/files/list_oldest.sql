-- Differs from SQLite: the type of what may be absent is named.
SELECT id, workspace_id, user_id, user_external, key_id, name, media_type, bytes, sha256, path, created_at, expires_at
FROM files
WHERE workspace_id = $1 AND id > $2 AND expires_at > $3 AND ($4::uuid IS NULL OR user_id = $4)
ORDER BY id
LIMIT $5
