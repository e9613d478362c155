-- Only here: many writers. Accounts are locked in one order, so that two batches never wait for each other.
select a.workspace_id, a.user_id, a.available, a.held, a.lots, a.chain_seq, a.chain_hash
from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, user_id)
join accounts a on a.workspace_id = any (array[u.workspace_id]) and a.user_id = any (array[u.user_id])
order by a.workspace_id, a.user_id
for update of a
