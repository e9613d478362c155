-- Only here: whether the database was ever migrated.
SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'
