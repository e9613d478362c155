update drafts
set status = $1, review = $2, published_at = $3, deleted_at = $4, updated_at = $5, revision = revision + 1
where id = $6 and workspace_id = $7 and revision = $8
