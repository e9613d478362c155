-- Differs from Postgres: see `begin`.
COMMIT
