-- Differs from SQLite: names, types and functions.
select g.workspace_id, g.id as subject, 'rows of two workspaces' as detail
from generations g
join drafts x on x.id = g.draft_id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join inputs x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join calls x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join steps x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join assets x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join versions x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join ready x on x.id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.id > $1 and x.id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join parked x on x.id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.id > $1 and x.id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join runs x on x.id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.id > $1 and x.id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join outcomes x on x.id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.id > $1 and x.id <= $2
union
select g.workspace_id, g.id, 'rows of two workspaces'
from generations g
join transfers x on x.generation_id = g.id and x.workspace_id <> g.workspace_id
where g.id > $1 and g.id <= $2 and x.generation_id > $1 and x.generation_id <= $2
