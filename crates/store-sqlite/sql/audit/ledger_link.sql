-- Differs from Postgres: SQLite's names of types and functions.
-- The link a slice of a chain goes on from.
SELECT available_after, held_after, chain_hash FROM transfers WHERE workspace_id = $1 AND user_id = $2 AND chain_seq = $3
