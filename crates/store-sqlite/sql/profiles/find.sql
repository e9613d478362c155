SELECT id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at
FROM profiles
WHERE workspace_id = $1 AND recipe = $2 AND user_id = $3
