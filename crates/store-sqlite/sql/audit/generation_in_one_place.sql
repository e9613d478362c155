-- Differs from Postgres: SQLite's names of types and functions.
-- A generation is in exactly one of ready, parked, runs, outcomes; a row of these has its generation.
SELECT g.workspace_id, g.id, printf('in %d places', g.places)
FROM (
    SELECT workspace_id, id,
           EXISTS (SELECT 1 FROM outcomes o WHERE o.id = generations.id)
         + EXISTS (SELECT 1 FROM ready r WHERE r.id = generations.id)
         + EXISTS (SELECT 1 FROM parked p WHERE p.id = generations.id)
         + EXISTS (SELECT 1 FROM runs n WHERE n.id = generations.id) AS places
    FROM generations
    WHERE id > $1 AND id <= $2
) g
WHERE g.places <> 1
UNION ALL
SELECT p.workspace_id, p.id, 'was never accepted'
FROM (
    SELECT workspace_id, id FROM ready WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id FROM parked WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id FROM runs WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id FROM outcomes WHERE id > $1 AND id <= $2
) p
WHERE NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = p.id)
