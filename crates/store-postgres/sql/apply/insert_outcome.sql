-- Differs from SQLite: a whole batch at once, as arrays.
insert into outcomes (
  id, workspace_id, user_id, status, attempt, spent, row_version, finished_at, settled, version, origin,
  error_code, error, error_detail
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::timestamptz[],
  $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[]
)
