UPDATE mailings
SET total = $1, queued = $2, sending = $3, sent = $4, failed = $5, unknown = $6, cancelled = $7, skipped = $8, walk = $9,
    cancelling = $10, retry_walk = $11, paused_at = $12, finished_at = $13, updated_at = $14
WHERE workspace_id = $15 AND id = $16
