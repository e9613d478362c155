SELECT id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at
FROM profiles
WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR recipe = $3) AND ($4 IS NULL OR user_id = $4)
ORDER BY id DESC
LIMIT $5
