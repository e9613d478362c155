UPDATE logins
SET last_sign_in_at = $1, password_hash = coalesce($2, password_hash)
WHERE workspace_id = $3 AND user_id = $4
