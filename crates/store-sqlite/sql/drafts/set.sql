UPDATE drafts
SET status = $1, review = $2, review_reason = $3, published_at = $4, deleted_at = $5, updated_at = $6,
    revision = revision + 1
WHERE id = $7 AND workspace_id = $8 AND revision = $9
