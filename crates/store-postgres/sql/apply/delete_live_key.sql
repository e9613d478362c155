-- Differs from SQLite: a whole batch at once, as arrays.
delete from live_keys k
using unnest($1::uuid[], $2::text[], $3::uuid[]) as u (workspace_id, dedupe_key, generation_id)
where k.workspace_id = any (array[u.workspace_id]) and k.dedupe_key = any (array[u.dedupe_key])
  and k.generation_id = u.generation_id
