-- Differs from SQLite: a whole batch at once, as arrays.
select k.workspace_id, k.dedupe_key, k.generation_id, k.draft_id
from unnest($1::uuid[], $2::text[]) as u (workspace_id, dedupe_key)
join live_keys k on k.workspace_id = any (array[u.workspace_id]) and k.dedupe_key = any (array[u.dedupe_key])
