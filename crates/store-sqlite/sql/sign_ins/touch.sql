-- Differs from Postgres: one row at a time.
UPDATE sign_ins SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1
