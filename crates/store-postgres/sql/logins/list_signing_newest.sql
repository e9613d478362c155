SELECT u.id, u.workspace_id, u.external_id, u.created_at, l.email, l.name, l.role, l.password_hash, l.disabled_at, l.revision,
       l.created_at AS login_created_at, l.last_sign_in_at
FROM logins l
JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id
WHERE l.workspace_id = $1 AND l.user_id < $2 AND l.role = coalesce($3, l.role)
ORDER BY l.user_id DESC
LIMIT $4
