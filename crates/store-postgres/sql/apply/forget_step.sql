-- Differs from SQLite: a whole batch at once, as arrays.
delete from steps s
using unnest($1::uuid[], $2::uuid[], $3::text[]) as u (generation_id, workspace_id, name)
where s.generation_id = any (array[u.generation_id]) and s.workspace_id = u.workspace_id and s.name = u.name
