INSERT INTO sign_ins (id, workspace_id, user_id, token_hash, created_at, expires_at, last_seen_at, from_address, client)
SELECT $1, l.workspace_id, l.user_id, $2, $3, $4, $5, $6, $7
FROM logins l
WHERE l.workspace_id = $8 AND l.user_id = $9 AND l.disabled_at IS NULL AND l.revision = coalesce($10, l.revision)
RETURNING id
