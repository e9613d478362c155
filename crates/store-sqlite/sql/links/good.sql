SELECT id, workspace_id, token_hash, purpose, email, role, user_external, made_by, login_revision, created_at, expires_at, used_at, revoked_at
FROM links
WHERE workspace_id = $1 AND purpose = $2 AND email = $3 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $4
