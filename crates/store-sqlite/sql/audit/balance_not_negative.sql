-- Differs from Postgres: SQLite's names of types and functions.
SELECT user_id, printf('%d available, %d held', available, held) FROM accounts WHERE available < 0 OR held < 0
