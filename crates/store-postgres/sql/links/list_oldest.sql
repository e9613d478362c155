SELECT id, workspace_id, token_hash, purpose, email, role, user_external, made_by, login_revision, created_at, expires_at, used_at, revoked_at
FROM links
WHERE workspace_id = $1 AND purpose = $2 AND id > $3
ORDER BY id
LIMIT $4
