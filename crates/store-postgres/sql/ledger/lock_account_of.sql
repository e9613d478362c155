-- Only here: many writers. Accounts of some generations' users, locked in one order.
select a.workspace_id, a.user_id, a.available, a.held, a.lots, a.chain_seq, a.chain_hash
from (select distinct g.workspace_id, g.user_id from unnest($1::uuid[]) as u (id) join generations g on g.id = any (array[u.id])) o
join accounts a on a.workspace_id = any (array[o.workspace_id]) and a.user_id = any (array[o.user_id])
order by a.workspace_id, a.user_id
for update of a
