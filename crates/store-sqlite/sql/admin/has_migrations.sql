-- Differs from Postgres: SQLite's own catalogue.
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'
