-- Differs from SQLite: whether it is new is read from what comes back.
INSERT INTO suppressions (id, workspace_id, recipient, list, address, reason, mail_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (workspace_id, recipient, list) DO NOTHING
RETURNING id
