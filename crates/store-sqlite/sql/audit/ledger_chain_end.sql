-- Differs from Postgres: SQLite's names of types and functions.
-- An account whose end of chain is not its last transfer: a row was cut off.
SELECT a.workspace_id, a.user_id, printf('the account ends at link %d, the transfers at %d', a.chain_seq, coalesce(l.chain_seq, 0))
FROM accounts a
LEFT JOIN transfers l
    ON l.workspace_id = a.workspace_id AND l.user_id = a.user_id
   AND l.chain_seq = (
       SELECT max(t.chain_seq) FROM transfers t WHERE t.workspace_id = a.workspace_id AND t.user_id = a.user_id
   )
WHERE (a.workspace_id, a.user_id) >= ($1, $2) AND (a.workspace_id, a.user_id) < ($3, $4)
  AND (a.chain_seq <> coalesce(l.chain_seq, 0) OR (l.chain_hash IS NOT NULL AND l.chain_hash <> a.chain_hash))
