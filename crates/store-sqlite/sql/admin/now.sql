-- The one place that asks a clock: for the stamp of a migration.
SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)
