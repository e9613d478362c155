-- Differs from Postgres: SQLite's names of types and functions.
SELECT id FROM generations WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3
