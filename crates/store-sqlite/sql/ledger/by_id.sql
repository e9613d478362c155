SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
FROM transfers
WHERE id = $1 AND workspace_id = $2
