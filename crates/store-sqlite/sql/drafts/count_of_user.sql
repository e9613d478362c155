-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT d.status, count(*)
FROM belongings b
CROSS JOIN drafts d ON d.workspace_id = $1 AND d.id = b.id
WHERE b.user_no = (SELECT no FROM users WHERE workspace_id = $1 AND id = $2) AND d.deleted_at IS NULL
GROUP BY d.status
