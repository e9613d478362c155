-- Differs from SQLite: a whole batch at once, as arrays.
insert into transfers (
  id, workspace_id, user_id, kind, debit_account, credit_account, amount, generation_id, reference, created_at,
  chain_seq, chain_hash
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::uuid[], $9::text[],
  $10::timestamptz[], $11::bigint[], $12::bytea[]
)
