-- Differs from Postgres: SQLite's names of types and functions.
SELECT workspace_id, user_id, chain_seq FROM transfers
WHERE (workspace_id, user_id, chain_seq) > ($1, $2, $3) AND (workspace_id, user_id, chain_seq) <= ($4, $5, $6)
ORDER BY workspace_id, user_id, chain_seq LIMIT $7
