-- Differs from Postgres: SQLite's names of types and functions.
SELECT t.workspace_id, t.generation_id, t.target
FROM live_targets t
WHERE NOT EXISTS (
    SELECT 1 FROM generations g WHERE g.id = t.generation_id AND g.target = t.target AND g.workspace_id = t.workspace_id
) OR NOT (EXISTS (SELECT 1 FROM ready r WHERE r.id = t.generation_id)
          OR EXISTS (SELECT 1 FROM parked p WHERE p.id = t.generation_id)
          OR EXISTS (SELECT 1 FROM runs n WHERE n.id = t.generation_id))
