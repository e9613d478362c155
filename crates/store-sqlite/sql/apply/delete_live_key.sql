-- Differs from Postgres: the writer keeps the keys in memory.
DELETE FROM live_keys WHERE generation_id = $1
