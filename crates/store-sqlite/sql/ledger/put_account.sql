-- Differs from Postgres: one writer, so nothing is locked; each filter with an index has its own statement.
INSERT INTO accounts (workspace_id, user_id, available, held, lots, chain_seq, chain_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (workspace_id, user_id) DO UPDATE SET
    available = excluded.available,
    held = excluded.held,
    lots = excluded.lots,
    chain_seq = excluded.chain_seq,
    chain_hash = excluded.chain_hash
