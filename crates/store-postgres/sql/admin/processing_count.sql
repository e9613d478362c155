-- Differs from SQLite: a name.
SELECT count(*) AS processing FROM runs
