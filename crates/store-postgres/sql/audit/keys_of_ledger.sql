-- Differs from SQLite: names, types and functions.
select workspace_id, user_id, chain_seq from transfers
where (workspace_id, user_id, chain_seq) > ($1, $2, $3) and (workspace_id, user_id, chain_seq) <= ($4, $5, $6)
order by workspace_id, user_id, chain_seq limit $7
