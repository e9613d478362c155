-- The link a slice of a chain goes on from.
select available_after, held_after, chain_hash from transfers where workspace_id = $1 and user_id = $2 and chain_seq = $3
