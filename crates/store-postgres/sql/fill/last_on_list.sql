SELECT id FROM subscribers WHERE workspace_id = $1 AND list = $2 ORDER BY id DESC LIMIT 1
