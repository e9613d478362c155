-- Differs from SQLite: names, types and functions.
-- An account whose end of chain is not its last transfer: a row was cut off.
select a.user_id as subject,
       format('the account ends at link %s, the transfers at %s', a.chain_seq, coalesce(t.chain_seq, 0)) as detail
from accounts a
left join (
  select workspace_id, user_id, max(chain_seq) as chain_seq from transfers group by workspace_id, user_id
) t on t.workspace_id = a.workspace_id and t.user_id = a.user_id
left join transfers l on l.workspace_id = t.workspace_id and l.user_id = t.user_id and l.chain_seq = t.chain_seq
where a.chain_seq <> coalesce(t.chain_seq, 0) or (l.chain_hash is not null and l.chain_hash <> a.chain_hash)
