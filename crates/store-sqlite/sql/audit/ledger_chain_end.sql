-- Differs from Postgres: SQLite's names of types and functions.
-- An account whose end of chain is not its last transfer: a row was cut off.
SELECT a.user_id, printf('the account ends at link %d, the transfers at %d', a.chain_seq, coalesce(t.chain_seq, 0))
FROM accounts a
LEFT JOIN (
    SELECT workspace_id, user_id, max(chain_seq) AS chain_seq FROM transfers GROUP BY workspace_id, user_id
) t ON t.workspace_id = a.workspace_id AND t.user_id = a.user_id
LEFT JOIN transfers l
    ON l.workspace_id = t.workspace_id AND l.user_id = t.user_id AND l.chain_seq = t.chain_seq
WHERE a.chain_seq <> coalesce(t.chain_seq, 0) OR (l.chain_hash IS NOT NULL AND l.chain_hash <> a.chain_hash)
