-- Differs from SQLite: planned for the values at hand, so one statement serves with and without a generation.
select t.id, t.workspace_id, t.user_id, t.kind, t.amount, t.generation_id,
       t.reference, t.reason, t.peer_id, t.expires_at, t.created_at,
       t.available_after, t.held_after, t.chain_seq, t.chain_hash,
       coalesce(u.external_id, '') as user_external, p.external_id as peer_external
from transfers t
left join users u on u.workspace_id = t.workspace_id and u.id = t.user_id
left join users p on p.workspace_id = t.workspace_id and p.id = t.peer_id
where t.workspace_id = $1 and t.id < $2
  and ($3::text is null or t.kind = $3)
  and ($4::uuid is null or t.generation_id = $4)
order by t.id desc
limit $5
