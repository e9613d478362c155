-- Differs from SQLite: planned for the values at hand, so one statement serves with and without a generation.
select id, workspace_id, user_id, kind, amount, generation_id, reference, reason, peer_id, expires_at, created_at,
       available_after, held_after, chain_seq, chain_hash
from transfers
where workspace_id = $1 and id > $2
  and ($3::text is null or kind = $3)
  and ($4::uuid is null or generation_id = $4)
order by id asc
limit $5
