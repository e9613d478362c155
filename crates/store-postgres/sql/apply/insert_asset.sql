-- Differs from SQLite: a whole batch at once, as arrays.
insert into assets (
  id, workspace_id, generation_id, draft_id, version, seq, media_type, bytes, sha256, path, created_at
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::bytea[],
  $10::text[], $11::timestamptz[]
)
