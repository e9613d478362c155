-- Differs from Postgres: the writer keeps the keys in memory, so that no key has two holders is asked here.
SELECT g.workspace_id, k.generation_id, lower(hex(k.key_hash))
FROM live_keys k
LEFT JOIN generations g ON g.id = k.generation_id
WHERE NOT (EXISTS (SELECT 1 FROM ready r WHERE r.id = k.generation_id)
           OR EXISTS (SELECT 1 FROM parked p WHERE p.id = k.generation_id)
           OR EXISTS (SELECT 1 FROM runs n WHERE n.id = k.generation_id))
UNION ALL
SELECT NULL, max(k.generation_id), printf('%s is held by %d', lower(hex(k.key_hash)), count(*))
FROM live_keys k
GROUP BY k.key_hash
HAVING count(*) > 1
