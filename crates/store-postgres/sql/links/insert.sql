INSERT INTO links (id, workspace_id, token_hash, purpose, email, role, user_external, made_by, login_revision, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
