-- Differs from Postgres: SQLite's names of types and functions.
-- A generation is in exactly one of ready, parked, runs, outcomes; a row of these has its generation.
SELECT g.id, printf('in %d places', count(p.id))
FROM generations g
LEFT JOIN (
    SELECT id FROM ready
    UNION ALL SELECT id FROM parked
    UNION ALL SELECT id FROM runs
    UNION ALL SELECT id FROM outcomes
) p ON p.id = g.id
GROUP BY g.id
HAVING count(p.id) <> 1
UNION ALL
SELECT p.id, 'was never accepted'
FROM (
    SELECT id FROM ready
    UNION ALL SELECT id FROM parked
    UNION ALL SELECT id FROM runs
    UNION ALL SELECT id FROM outcomes
) p
WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = p.id)
