-- Only here: read together with the version there.
SELECT version, name, checksum FROM schema_migrations ORDER BY version
