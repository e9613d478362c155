SELECT status, count(*)
FROM drafts
WHERE workspace_id = $1 AND user_id = $2 AND deleted_at IS NULL
GROUP BY status
