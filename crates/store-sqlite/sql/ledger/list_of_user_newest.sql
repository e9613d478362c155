-- Differs from Postgres: in spelling only.
-- In the order of the user's chain, which is that of the running balance.
SELECT t.id, t.workspace_id, t.user_id, t.kind, t.amount, t.generation_id,
       t.reference, t.reason, t.peer_id, t.expires_at, t.created_at,
       t.available_after, t.held_after, t.chain_seq, t.chain_hash,
       coalesce(u.external_id, '') AS user_external, p.external_id AS peer_external
FROM transfers t
LEFT JOIN users u ON u.workspace_id = t.workspace_id AND u.id = t.user_id
LEFT JOIN users p ON p.workspace_id = t.workspace_id AND p.id = t.peer_id
WHERE t.workspace_id = $1
  AND t.chain_seq < coalesce((SELECT l.chain_seq FROM transfers l WHERE l.id = $2), 9223372036854775807)
  AND ($3 IS NULL OR t.kind = $3)
  AND t.user_id = $4
  AND ($5 IS NULL OR t.generation_id = $5)
ORDER BY t.chain_seq DESC
LIMIT $6
