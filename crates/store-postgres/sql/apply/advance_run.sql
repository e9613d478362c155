-- Differs from SQLite: a whole batch at once, as arrays.
update runs r
set row_version = r.row_version + 1, step = coalesce(f.step, r.step), call_id = coalesce(f.call_id, r.call_id),
    waiting = f.waiting
from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::uuid[], $7::boolean[])
     as f (id, workspace_id, attempt, row_version, step, call_id, waiting)
where r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id and r.attempt = f.attempt
  and r.row_version = f.row_version
returning r.id
