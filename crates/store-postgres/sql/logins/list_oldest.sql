SELECT u.id, u.workspace_id, u.external_id, u.created_at, l.email, l.name, l.role, l.password_hash, l.disabled_at, l.revision,
       l.created_at AS login_created_at, l.last_sign_in_at
FROM users u
LEFT JOIN logins l ON l.workspace_id = u.workspace_id AND l.user_id = u.id
WHERE u.workspace_id = $1 AND u.id > $2
ORDER BY u.id
LIMIT $3
