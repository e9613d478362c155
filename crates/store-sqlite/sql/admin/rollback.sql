-- Differs from Postgres: see `begin`.
ROLLBACK
