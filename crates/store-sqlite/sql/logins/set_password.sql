UPDATE logins
SET password_hash = $1, revision = revision + 1
WHERE workspace_id = $2 AND user_id = $3 AND disabled_at IS NULL
RETURNING revision
