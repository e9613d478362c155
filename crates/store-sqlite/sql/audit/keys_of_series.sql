-- Differs from Postgres: SQLite's names of types and functions.
-- One for each row of their history.
SELECT series_no FROM usage_history WHERE series_no > $1 AND series_no <= $2 ORDER BY series_no LIMIT $3
