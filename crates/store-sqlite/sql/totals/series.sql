-- Differs from Postgres: spelling only. The users of a cuboid lie between $3 and $4: one of them, or all.
SELECT no, user_id, service, operation, model
FROM usage_series
WHERE workspace_id = $1 AND cuboid = $2 AND user_id BETWEEN $3 AND $4
LIMIT $5
