-- Differs from Postgres: in spelling only.
-- In the order of the users' ids.
SELECT a.user_id, a.available, a.held, coalesce(u.external_id, '') AS user_external,
       CASE WHEN a.lots > 0 THEN (
           SELECT min(l.expires_at) FROM lots l WHERE l.workspace_id = a.workspace_id AND l.user_id = a.user_id
       ) END AS expires_next_at
FROM accounts a
LEFT JOIN users u ON u.workspace_id = a.workspace_id AND u.id = a.user_id
WHERE a.workspace_id = $1 AND a.user_id < $2
ORDER BY a.user_id DESC
LIMIT $3
