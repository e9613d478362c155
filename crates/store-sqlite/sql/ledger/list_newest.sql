-- Differs from Postgres: one writer, so nothing is locked; each filter with an index has its own statement.
SELECT t.id, t.workspace_id, t.user_id, t.kind, t.amount, t.generation_id,
       t.reference, t.reason, t.peer_id, t.expires_at, t.created_at,
       t.available_after, t.held_after, t.chain_seq, t.chain_hash,
       coalesce(u.external_id, '') AS user_external, p.external_id AS peer_external
FROM transfers t
LEFT JOIN users u ON u.workspace_id = t.workspace_id AND u.id = t.user_id
LEFT JOIN users p ON p.workspace_id = t.workspace_id AND p.id = t.peer_id
WHERE t.workspace_id = $1 AND t.id < $2 AND ($3 IS NULL OR t.kind = $3)
ORDER BY t.id DESC
LIMIT $4
