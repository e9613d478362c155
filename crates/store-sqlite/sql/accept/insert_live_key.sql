-- Differs from Postgres: the writer keeps the keys in memory.
INSERT INTO live_keys (generation_id, key_hash) VALUES ($1, $2)
