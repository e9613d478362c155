-- Differs from Postgres: one row at a time.
UPDATE api_keys
SET last_used_at = $1, last_used_from = $2, last_used_by = $3
WHERE id = $4 AND (last_used_at IS NULL OR last_used_at < $1)
