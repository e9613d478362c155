-- Differs from SQLite: a whole batch at once, and a key another process took meanwhile is left to it.
insert into live_keys (
  workspace_id, dedupe_key, generation_id, draft_id
)
select * from unnest(
  $1::uuid[], $2::text[], $3::uuid[], $4::uuid[]
)
on conflict (workspace_id, dedupe_key) do nothing
returning 1 as taken
