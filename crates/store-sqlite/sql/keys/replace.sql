UPDATE api_keys
SET expires_at = $1, replaced_by = $2, revision = revision + 1
WHERE workspace_id = $3 AND id = $4 AND revision = $5
RETURNING revision
