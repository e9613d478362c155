-- Differs from SQLite: a whole batch at once, as arrays.
-- The last attempt began when its first call was opened: both are written by the claim, at its instant.
insert into outcomes (
  id, workspace_id, user_id, status, attempt, spent, row_version, finished_at, settled, version, origin,
  error_code, error, error_detail, started_at
)
select u.*, (
  select min(c.opened_at) from calls c where c.generation_id = any (array[u.id]) and c.attempt = u.attempt
)
from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[],
  $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[]
) as u (id, workspace_id, user_id, status, attempt, spent, row_version, finished_at, settled, version, origin,
        error_code, error, error_detail)
