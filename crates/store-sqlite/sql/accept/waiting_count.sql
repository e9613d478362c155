-- Differs from Postgres: spelling only.
SELECT (SELECT count(*) FROM ready) + (SELECT count(*) FROM parked) AS waiting
