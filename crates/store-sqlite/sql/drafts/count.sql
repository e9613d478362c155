-- Differs from Postgres: SQLite plans a statement once, so each filter with an index has its own.
SELECT status, count(*)
FROM drafts
WHERE workspace_id = $1 AND deleted_at IS NULL
GROUP BY status
