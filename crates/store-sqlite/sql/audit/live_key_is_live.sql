-- Differs from Postgres: SQLite's names of types and functions.
SELECT k.generation_id, k.dedupe_key
FROM live_keys k
WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM ready UNION ALL SELECT id FROM parked UNION ALL SELECT id FROM runs) l WHERE l.id = k.generation_id)
