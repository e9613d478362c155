-- Differs from Postgres: SQLite's names of types and functions.
-- The engine has no clock: the newest event stands for it.
SELECT coalesce((SELECT created_at FROM events ORDER BY seq DESC LIMIT 1), 0)
