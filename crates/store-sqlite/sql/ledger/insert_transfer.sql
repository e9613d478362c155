-- Differs from Postgres: one writer, so nothing is locked; each filter with an index has its own statement.
INSERT INTO transfers
    (id, workspace_id, user_id, kind, debit_account, credit_account, amount, generation_id, reference, reason, peer_id,
     expires_at, created_at, available_after, held_after, chain_seq, chain_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
