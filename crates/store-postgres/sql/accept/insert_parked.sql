-- Differs from SQLite: a whole batch at once, as arrays.
insert into parked (
  queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step, last_error_code,
  last_error, reason, not_before_at, target
)
select * from unnest(
  $1::integer[], $2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::timestamptz[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[],
  $15::text[]
)
