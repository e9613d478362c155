-- Differs from Postgres: one writer, so nothing is locked; each filter with an index has its own statement.
SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, created_at, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1 AND id > $2
ORDER BY id ASC
LIMIT $3
