-- Differs from SQLite: a whole batch at once, as arrays.
insert into versions (
  draft_id, number, workspace_id, generation_id, origin, reason, form, title, body, words, hash, provenance,
  created_at
)
select * from unnest(
  $1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
  $10::bigint[], $11::bytea[], $12::text[], $13::timestamptz[]
)
