-- Differs from Postgres: SQLite's names of types and functions.
SELECT t.generation_id, t.target
FROM live_targets t
WHERE NOT EXISTS (
    SELECT 1
    FROM (SELECT id FROM ready UNION ALL SELECT id FROM parked UNION ALL SELECT id FROM runs) l
    JOIN generations g ON g.id = l.id
    WHERE l.id = t.generation_id AND g.target = t.target AND g.workspace_id = t.workspace_id
)
