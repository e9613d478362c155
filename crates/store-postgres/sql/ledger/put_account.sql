-- Differs from SQLite: a whole batch at once, as arrays.
insert into accounts (
  workspace_id, user_id, available, held, lots, chain_seq, chain_hash
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[]
)
on conflict (workspace_id, user_id) do update set
  available = excluded.available, held = excluded.held, lots = excluded.lots,
  chain_seq = excluded.chain_seq, chain_hash = excluded.chain_hash
