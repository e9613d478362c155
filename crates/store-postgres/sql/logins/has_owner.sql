SELECT 1 AS found FROM logins WHERE workspace_id = $1 AND role = $2 LIMIT 1
