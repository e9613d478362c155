UPDATE profiles
SET fields = $1, revision = revision + 1, updated_at = $2
WHERE workspace_id = $3 AND recipe = $4 AND user_id = $5 AND revision = $6
