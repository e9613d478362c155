-- Differs from Postgres: the process's clock. The one place that asks one: for the stamp of a migration.
SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)
