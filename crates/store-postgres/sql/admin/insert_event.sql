-- Differs from SQLite: a whole batch at once, as arrays. Before the first number is drawn this transaction says, with a
-- lock nobody waits for, that numbers above the last one may be its own: see `events/open.sql`. Highest 16 bits of the
-- lock's number: the namespace, since locks are one per database.
with announced as materialized (
  select pg_advisory_xact_lock_shared(
    ((hashtext(current_schema())::bigint & 32767) << 48)
    | coalesce(pg_sequence_last_value('events_seq_seq'::regclass), 0)
  )
)
insert into events (
  workspace_id, kind, generation_id, draft_id, user_id, created_at, data
)
select e.* from announced, unnest(
  $1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::text[]
) as e
