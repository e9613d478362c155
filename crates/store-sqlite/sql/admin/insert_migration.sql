-- Differs from Postgres: the checksum is computed by the program.
INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)
