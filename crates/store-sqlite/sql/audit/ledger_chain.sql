-- Differs from Postgres: read row by row, as the cursor costs nothing here. Linked again in `audit.rs`.
SELECT id, workspace_id, user_id, kind, debit_account, credit_account, amount, generation_id, reference, reason, peer_id,
       expires_at, created_at, available_after, held_after, chain_seq, chain_hash
FROM transfers
WHERE (workspace_id, user_id, chain_seq) > ($1, $2, $3) AND (workspace_id, user_id, chain_seq) <= ($4, $5, $6)
ORDER BY workspace_id, user_id, chain_seq
