-- Differs from SQLite: the type of what may be absent is named.
SELECT id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at
FROM profiles
WHERE workspace_id = $1 AND id > $2 AND ($3::text IS NULL OR recipe = $3) AND ($4::uuid IS NULL OR user_id = $4)
ORDER BY id ASC
LIMIT $5
