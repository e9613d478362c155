-- Differs from Postgres: the writer keeps the keys in memory, so that no key has two holders is asked here.
SELECT k.generation_id, lower(hex(k.key_hash))
FROM live_keys k
WHERE NOT EXISTS (SELECT 1 FROM (SELECT id FROM ready UNION ALL SELECT id FROM parked UNION ALL SELECT id FROM runs) l WHERE l.id = k.generation_id)
UNION ALL
SELECT max(k.generation_id), printf('%s is held by %d', lower(hex(k.key_hash)), count(*))
FROM live_keys k
GROUP BY k.key_hash
HAVING count(*) > 1
