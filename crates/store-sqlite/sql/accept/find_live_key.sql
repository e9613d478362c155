-- Differs from Postgres: the writer keeps the keys in memory.
SELECT draft_id FROM generations WHERE id = $1
