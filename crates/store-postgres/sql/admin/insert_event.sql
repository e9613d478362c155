-- Differs from SQLite: a whole batch at once, as arrays.
insert into events (
  workspace_id, kind, generation_id, draft_id, created_at, data
)
select * from unnest(
  $1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[]
)
