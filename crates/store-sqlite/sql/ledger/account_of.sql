-- Differs from Postgres: in spelling only.
SELECT u.id AS user_id, coalesce(a.available, 0) AS available, coalesce(a.held, 0) AS held,
       u.external_id AS user_external,
       CASE WHEN a.lots > 0 THEN (
           SELECT min(l.expires_at) FROM lots l WHERE l.workspace_id = u.workspace_id AND l.user_id = u.id
       ) END AS expires_next_at
FROM users u
LEFT JOIN accounts a ON a.workspace_id = u.workspace_id AND a.user_id = u.id
WHERE u.workspace_id = $1 AND u.id = $2
