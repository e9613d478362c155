-- Differs from SQLite: names, types and functions.
-- An account says what its last transfer left. That each transfer follows from the one before it is proved link by link
-- (`running_balance`), so what the last one left is the fold of all.
select a.workspace_id, a.user_id as subject,
       format('account %s available and %s held, the last transfer left %s and %s', a.available, a.held,
              coalesce(l.available_after, 0), coalesce(l.held_after, 0)) as detail
from accounts a
left join lateral (
  select t.available_after, t.held_after, t.chain_seq, t.chain_hash
  from transfers t
  where t.workspace_id = a.workspace_id and t.user_id = a.user_id
  order by t.chain_seq desc
  limit 1
) l on true
where (a.workspace_id, a.user_id) >= ($1, $2) and (a.workspace_id, a.user_id) < ($3, $4)
  and (a.available <> coalesce(l.available_after, 0) or a.held <> coalesce(l.held_after, 0))
union all
select t.workspace_id, t.user_id, 'transfers without an account'
from transfers t
where (t.workspace_id, t.user_id) >= ($1, $2) and (t.workspace_id, t.user_id) < ($3, $4)
  and t.chain_seq = 1
  and not exists (select 1 from accounts a where a.workspace_id = t.workspace_id and a.user_id = t.user_id)
