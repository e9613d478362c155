-- Differs from SQLite: read in pages.
-- The rows in the order of their chains; each is linked again in `audit.rs`.
select id, workspace_id, user_id, kind, debit_account, credit_account, amount, generation_id, reference, reason, peer_id,
       expires_at, created_at, available_after, held_after, chain_seq, chain_hash
from transfers
where (workspace_id, user_id, chain_seq) > ($1, $2, $3) and (workspace_id, user_id, chain_seq) <= ($4, $5, $6)
order by workspace_id, user_id, chain_seq
limit $7
