-- Differs from SQLite: names, types and functions.
-- An account whose end of chain is not its last transfer: a row was cut off.
select a.workspace_id, a.user_id as subject,
       format('the account ends at link %s, the transfers at %s', a.chain_seq, coalesce(l.chain_seq, 0)) as detail
from accounts a
left join lateral (
  select t.available_after, t.held_after, t.chain_seq, t.chain_hash
  from transfers t
  where t.workspace_id = a.workspace_id and t.user_id = a.user_id
  order by t.chain_seq desc
  limit 1
) l on true
where (a.workspace_id, a.user_id) >= ($1, $2) and (a.workspace_id, a.user_id) < ($3, $4)
  and (a.chain_seq <> coalesce(l.chain_seq, 0) or (l.chain_hash is not null and l.chain_hash <> a.chain_hash))
