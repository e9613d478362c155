-- Differs from SQLite: a whole batch at once, as arrays.
insert into transfers (
  id, workspace_id, user_id, kind, debit_account, credit_account, amount, generation_id, reference, reason, peer_id,
  expires_at, created_at, available_after, held_after, chain_seq, chain_hash
)
select * from unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::uuid[], $9::text[],
  $10::text[], $11::uuid[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::bigint[], $16::bigint[],
  $17::bytea[]
)
