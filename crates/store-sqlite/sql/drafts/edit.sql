UPDATE drafts
SET version_count = $1, current_version = $1, title = $2, status = $3, generated_at = $4, updated_at = $4,
    review = $5, review_reason = NULL, revision = revision + 1
WHERE id = $6 AND workspace_id = $7 AND revision = $8
