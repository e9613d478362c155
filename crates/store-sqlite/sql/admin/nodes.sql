-- Differs from Postgres: booleans are 0 and 1.
SELECT id, label, started_at, beat_at FROM nodes WHERE goodbye = 0 ORDER BY started_at, id
