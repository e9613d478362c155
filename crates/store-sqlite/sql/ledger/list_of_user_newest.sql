-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT id, workspace_id, user_id, kind, amount, generation_id, reference, created_at, chain_seq, chain_hash
FROM transfers
WHERE workspace_id = $1 AND +id < $2 AND user_id = $3
ORDER BY +id DESC
LIMIT $4
