-- Differs from SQLite: in spelling only.
-- In the order of the user's chain, which is that of the running balance.
select t.id, t.workspace_id, t.user_id, t.kind, t.amount, t.generation_id,
       t.reference, t.reason, t.peer_id, t.expires_at, t.created_at,
       t.available_after, t.held_after, t.chain_seq, t.chain_hash,
       coalesce(u.external_id, '') as user_external, p.external_id as peer_external
from transfers t
left join users u on u.workspace_id = t.workspace_id and u.id = t.user_id
left join users p on p.workspace_id = t.workspace_id and p.id = t.peer_id
where t.workspace_id = $1
  and t.chain_seq > coalesce((select l.chain_seq from transfers l where l.id = $2), 0)
  and ($3::text is null or t.kind = $3)
  and t.user_id = $4
  and ($5::uuid is null or t.generation_id = $5)
order by t.chain_seq asc
limit $6
