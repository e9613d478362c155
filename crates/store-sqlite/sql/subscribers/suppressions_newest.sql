-- Differs from Postgres: what may be absent needs no type.
SELECT id, workspace_id, recipient, list, address, reason, mail_id, created_at
FROM suppressions
WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR list = $3) AND ($4 IS NULL OR recipient = $4)
ORDER BY id DESC
LIMIT $5
