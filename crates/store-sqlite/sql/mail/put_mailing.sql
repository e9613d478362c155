UPDATE mailings
SET total = $1, queued = $2, sending = $3, sent = $4, failed = $5, unknown = $6, cancelled = $7, skipped = $8, walk = $9,
    cancelling = $10, paused_at = $11, finished_at = $12, updated_at = $13
WHERE workspace_id = $14 AND id = $15
