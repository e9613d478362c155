-- Differs from Postgres: spelling only.
SELECT count(*) FROM runs
