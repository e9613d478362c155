-- Differs from SQLite: answers with the row.
UPDATE profiles
SET fields = $1, revision = revision + 1, updated_at = $2
WHERE workspace_id = $3 AND recipe = $4 AND user_id = $5 AND revision = $6
RETURNING id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at
