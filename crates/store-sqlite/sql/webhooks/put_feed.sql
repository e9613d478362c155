-- The feed of a workspace, with its first endpoint; from then on the count of their changes.
INSERT INTO webhook_feeds (workspace_id, seq, epoch) VALUES ($1, $2, 1)
ON CONFLICT (workspace_id) DO UPDATE SET epoch = webhook_feeds.epoch + 1
