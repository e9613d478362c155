SELECT seq, epoch FROM webhook_feeds WHERE workspace_id = $1
