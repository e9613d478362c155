-- Differs from SQLite: the row comes back.
delete from suppressions where workspace_id = $1 and id = $2
returning id, workspace_id, recipient, list, address, reason, mail_id, created_at
