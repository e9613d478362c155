-- Differs from SQLite: a whole batch at once, as arrays.
insert into inputs (
  generation_id, workspace_id, input, metadata, filled
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]
)
