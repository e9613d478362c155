-- Differs from Postgres: in spelling only.
-- In the order of the user's chain, which is that of the running balance.
SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1
  AND chain_seq < coalesce((SELECT l.chain_seq FROM transfers l WHERE l.id = $2), 9223372036854775807)
  AND ($3 IS NULL OR kind = $3)
  AND user_id = $4
  AND ($5 IS NULL OR generation_id = $5)
ORDER BY chain_seq DESC
LIMIT $6
