-- Whether there is a user or a key of this id.
SELECT 1 AS found FROM users WHERE workspace_id = $1 AND id = $2
UNION ALL
SELECT 1 AS found FROM api_keys WHERE workspace_id = $1 AND id = $2
