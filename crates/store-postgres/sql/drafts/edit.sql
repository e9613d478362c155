UPDATE drafts
SET version_count = $1, current_version = $1, title = $2, status = $3, generated_at = $4, updated_at = $4,
    revision = revision + 1
WHERE id = $5 AND workspace_id = $6 AND revision = $7
