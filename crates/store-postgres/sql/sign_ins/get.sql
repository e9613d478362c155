SELECT s.id AS sign_in_id, s.token_hash, s.created_at AS began_at, s.expires_at, s.last_seen_at, s.from_address, s.client,
       u.id, u.workspace_id, u.external_id, u.created_at, l.email, l.name, l.role, l.password_hash, l.disabled_at, l.revision,
       l.created_at AS login_created_at, l.last_sign_in_at
FROM sign_ins s
JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id
LEFT JOIN logins l ON l.workspace_id = s.workspace_id AND l.user_id = s.user_id
WHERE s.workspace_id = $1 AND s.id = $2
