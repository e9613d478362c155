-- Only here: indexes serve the lists by user there.
SELECT no FROM users WHERE workspace_id = $1 AND id = $2
