-- Differs from SQLite: a whole batch at once, as arrays.
insert into drafts (
  id, workspace_id, user_id, recipe, title, status, review, live_generation_id, external_id, revision,
  created_at, updated_at
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::text[],
  $10::bigint[], $11::timestamptz[], $12::timestamptz[]
)
