-- Differs from SQLite: planned for the values at hand, so one statement serves with and without a user.
select id, workspace_id, user_id, kind, amount, generation_id, reference, created_at, chain_seq, chain_hash
from transfers
where workspace_id = $1 and id > $2 and ($3::uuid is null or user_id = $3)
order by id asc
limit $4
