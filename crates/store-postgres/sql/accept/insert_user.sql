-- Differs from SQLite: a whole batch at once, as arrays.
insert into users (
  workspace_id, id, external_id, created_at
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]
)
on conflict (workspace_id, id) do nothing
