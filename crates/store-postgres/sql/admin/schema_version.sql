-- Only here: SQLite reads `migrations`.
select coalesce(max(version), 0)::bigint as version from schema_migrations
