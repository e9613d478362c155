-- Only here: many writers. What does not exist cannot be locked.
insert into accounts (workspace_id, user_id, available, held, lots, chain_seq, chain_hash)
select u.workspace_id, u.user_id, 0, 0, 0, 0, $3
from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, user_id)
order by u.workspace_id, u.user_id
on conflict (workspace_id, user_id) do nothing
