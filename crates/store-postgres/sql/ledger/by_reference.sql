SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1 AND reference = $2 AND kind <> 'gift_received'
