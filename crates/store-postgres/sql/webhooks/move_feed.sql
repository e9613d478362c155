UPDATE webhook_feeds SET seq = $1
WHERE workspace_id = $2 AND seq = $3 AND epoch = $4
RETURNING epoch
