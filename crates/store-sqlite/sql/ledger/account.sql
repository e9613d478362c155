SELECT available, held, lots, chain_seq, chain_hash FROM accounts WHERE workspace_id = $1 AND user_id = $2
