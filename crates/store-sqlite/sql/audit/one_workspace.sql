-- Differs from Postgres: SQLite's names of types and functions.
SELECT g.workspace_id, g.id, 'rows of two workspaces'
FROM generations g
WHERE g.id > $1 AND g.id <= $2
  AND (NOT EXISTS (SELECT 1 FROM drafts d WHERE d.workspace_id = g.workspace_id AND d.id = g.draft_id)
   OR EXISTS (SELECT 1 FROM inputs i WHERE i.generation_id = g.id AND i.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM calls c WHERE c.generation_id = g.id AND c.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM steps s WHERE s.generation_id = g.id AND s.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM assets a WHERE a.generation_id = g.id AND a.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM versions v WHERE v.generation_id = g.id AND v.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM ready r WHERE r.id = g.id AND r.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM parked p WHERE p.id = g.id AND p.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM runs x WHERE x.id = g.id AND x.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM outcomes o WHERE o.id = g.id AND o.workspace_id <> g.workspace_id)
   OR EXISTS (SELECT 1 FROM transfers t WHERE t.generation_id = g.id AND t.workspace_id <> g.workspace_id))
