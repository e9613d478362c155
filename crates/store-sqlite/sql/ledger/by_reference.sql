SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, created_at, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1 AND reference = $2
