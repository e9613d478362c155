-- Differs from Postgres: SQLite's names of types and functions.
SELECT coalesce(a.user_id, t.user_id),
       printf('account %d available and %d held, transfers %d and %d',
              coalesce(a.available, 0), coalesce(a.held, 0), coalesce(t.available, 0), coalesce(t.held, 0))
FROM accounts a
FULL JOIN (
    SELECT workspace_id, user_id,
           sum(CASE WHEN credit_account = 'user_available' THEN amount ELSE 0 END)
         - sum(CASE WHEN debit_account = 'user_available' THEN amount ELSE 0 END) AS available,
           sum(CASE WHEN credit_account = 'user_held' THEN amount ELSE 0 END)
         - sum(CASE WHEN debit_account = 'user_held' THEN amount ELSE 0 END) AS held
    FROM transfers
    GROUP BY workspace_id, user_id
) t ON t.workspace_id = a.workspace_id AND t.user_id = a.user_id
WHERE coalesce(a.available, 0) <> coalesce(t.available, 0) OR coalesce(a.held, 0) <> coalesce(t.held, 0)
