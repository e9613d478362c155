SELECT id, workspace_id, recipient, list, address, reason, mail_id, created_at
FROM suppressions
WHERE workspace_id = $1 AND id = $2
