update drafts
set version_count = $1, current_version = $1, title = $2, status = $3, generated_at = $4, updated_at = $4,
    revision = revision + 1
where id = $5 and workspace_id = $6 and revision = $7
