-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT status, count(*)
FROM drafts
WHERE workspace_id = $1 AND user_id = $2 AND deleted_at IS NULL
GROUP BY status
