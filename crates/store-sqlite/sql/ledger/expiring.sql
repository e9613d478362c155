-- Differs from Postgres: in spelling only.
-- Accounts with something that has expired and that no hold has set aside.
SELECT l.workspace_id, l.user_id
FROM (
    SELECT workspace_id, user_id, sum(remaining) AS over
    FROM lots
    WHERE expires_at <= $1
    GROUP BY workspace_id, user_id
) l
JOIN accounts a ON a.workspace_id = l.workspace_id AND a.user_id = l.user_id
WHERE l.over > a.held
ORDER BY l.workspace_id, l.user_id
LIMIT $2
