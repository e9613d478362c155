-- Differs from SQLite: names, types and functions.
select g.id as subject, 'rows of two workspaces' as detail
from generations g
where exists (select 1 from drafts x where x.id = g.draft_id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from inputs x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from calls x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from steps x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from assets x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from versions x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from ready x where x.id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from parked x where x.id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from runs x where x.id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from outcomes x where x.id = g.id and x.workspace_id <> g.workspace_id)
   or exists (select 1 from transfers x where x.generation_id = g.id and x.workspace_id <> g.workspace_id)
