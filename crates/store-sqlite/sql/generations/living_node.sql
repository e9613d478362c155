-- Differs from Postgres: booleans are 0 and 1.
SELECT 1 FROM nodes WHERE goodbye = 0 AND beat_at >= $1 LIMIT 1
