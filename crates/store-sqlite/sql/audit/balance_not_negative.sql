-- Differs from Postgres: SQLite's names of types and functions.
SELECT a.workspace_id, a.user_id, printf('%d available, %d held', a.available, a.held)
FROM accounts a
WHERE (a.workspace_id, a.user_id) >= ($1, $2) AND (a.workspace_id, a.user_id) < ($3, $4)
  AND (a.available < 0 OR a.held < 0)
