-- Differs from Postgres: one writer, so nothing is locked; each filter with an index has its own statement.
SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1 AND id < $2 AND ($3 IS NULL OR kind = $3)
ORDER BY id DESC
LIMIT $4
