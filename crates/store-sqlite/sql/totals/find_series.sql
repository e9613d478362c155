SELECT no FROM usage_series
WHERE workspace_id = $1 AND cuboid = $2 AND user_id = $3 AND service = $4 AND operation = $5 AND model = $6
