-- Differs from Postgres: the count of rows says whether it is new.
INSERT INTO suppressions (id, workspace_id, recipient, list, address, reason, mail_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace_id, recipient, list) DO NOTHING
