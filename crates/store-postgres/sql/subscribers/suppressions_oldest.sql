-- Differs from SQLite: parameters that may be null say their type.
SELECT id, workspace_id, recipient, list, address, reason, mail_id, created_at
FROM suppressions
WHERE workspace_id = $1 AND id > $2 AND ($3::text IS NULL OR list = $3) AND ($4::text IS NULL OR recipient = $4)
ORDER BY id ASC
LIMIT $5
