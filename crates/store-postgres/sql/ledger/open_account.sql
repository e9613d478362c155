-- Only here: many writers. What does not exist cannot be locked.
insert into accounts (workspace_id, user_id, available, held, chain_seq, chain_hash)
values ($1, $2, 0, 0, 0, $3)
on conflict (workspace_id, user_id) do nothing
