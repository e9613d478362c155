UPDATE mailings
SET queued = $1, sending = $2, sent = $3, failed = $4, unknown = $5, cancelled = $6, skipped = $7, paused_at = $8,
    finished_at = $9, updated_at = $10
WHERE workspace_id = $11 AND id = $12
