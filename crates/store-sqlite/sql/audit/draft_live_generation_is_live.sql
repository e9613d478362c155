-- Differs from Postgres: SQLite's names of types and functions.
SELECT d.workspace_id, d.id, 'its live generation is final, missing or of another draft'
FROM drafts d
WHERE (d.workspace_id, d.id) > ($1, $2) AND (d.workspace_id, d.id) <= ($3, $4)
  AND d.live_generation_id IS NOT NULL
  AND (NOT EXISTS (SELECT 1 FROM generations g WHERE g.id = d.live_generation_id AND g.draft_id = d.id)
       OR NOT (EXISTS (SELECT 1 FROM ready r WHERE r.id = d.live_generation_id)
               OR EXISTS (SELECT 1 FROM parked p WHERE p.id = d.live_generation_id)
               OR EXISTS (SELECT 1 FROM runs n WHERE n.id = d.live_generation_id)))
