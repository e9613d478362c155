-- Differs from Postgres: SQLite's names of types and functions.
-- An account says what its last transfer left. That each transfer follows from the one before it is proved link by link
-- (`running_balance`), so what the last one left is the fold of all.
SELECT a.workspace_id, a.user_id, printf('account %d available and %d held, the last transfer left %d and %d',
                                         a.available, a.held, coalesce(l.available_after, 0), coalesce(l.held_after, 0))
FROM accounts a
LEFT JOIN transfers l
    ON l.workspace_id = a.workspace_id AND l.user_id = a.user_id
   AND l.chain_seq = (
       SELECT max(t.chain_seq) FROM transfers t WHERE t.workspace_id = a.workspace_id AND t.user_id = a.user_id
   )
WHERE (a.workspace_id, a.user_id) >= ($1, $2) AND (a.workspace_id, a.user_id) < ($3, $4)
  AND (a.available <> coalesce(l.available_after, 0) OR a.held <> coalesce(l.held_after, 0))
UNION ALL
SELECT t.workspace_id, t.user_id, 'transfers without an account'
FROM transfers t
WHERE (t.workspace_id, t.user_id) >= ($1, $2) AND (t.workspace_id, t.user_id) < ($3, $4)
  AND t.chain_seq = 1
  AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.workspace_id = t.workspace_id AND a.user_id = t.user_id)
