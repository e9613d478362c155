-- Differs from SQLite: a whole batch at once, as arrays.
select f.workspace_id, f.user_id, f.finish
from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, user_id)
join fair f on f.workspace_id = any (array[u.workspace_id]) and f.user_id = any (array[u.user_id])
