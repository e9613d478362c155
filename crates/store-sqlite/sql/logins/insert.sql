INSERT INTO logins (workspace_id, user_id, email, name, role, password_hash, disabled_at, revision, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING revision
