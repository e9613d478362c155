-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT 1 FROM runs WHERE id = $1 AND attempt = $2
