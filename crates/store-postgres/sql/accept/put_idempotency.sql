-- Differs from SQLite: a whole batch at once, and a key another process took meanwhile is left to it.
insert into idempotency (
  workspace_id, owner, route, key, fingerprint, generation_id, draft_id, deduplicated, created_at, expires_at
)
select * from unnest(
  $1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::uuid[], $7::uuid[], $8::boolean[],
  $9::timestamptz[], $10::timestamptz[]
)
on conflict (workspace_id, owner, route, key) do update set
  fingerprint = excluded.fingerprint, generation_id = excluded.generation_id, draft_id = excluded.draft_id,
  deduplicated = excluded.deduplicated, created_at = excluded.created_at, expires_at = excluded.expires_at
where idempotency.expires_at <= excluded.created_at
returning 1 as taken
