-- Differs from SQLite: in spelling only.
-- In the order of the user's chain, which is that of the running balance.
select id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
from transfers
where workspace_id = $1
  and chain_seq < coalesce((select l.chain_seq from transfers l where l.id = $2), 9223372036854775807)
  and ($3::text is null or kind = $3)
  and user_id = $4
  and ($5::uuid is null or generation_id = $5)
order by chain_seq desc
limit $6
