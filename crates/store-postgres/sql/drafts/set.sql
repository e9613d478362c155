UPDATE drafts
SET status = $1, review = $2, published_at = $3, deleted_at = $4, updated_at = $5, revision = revision + 1
WHERE id = $6 AND workspace_id = $7 AND revision = $8
