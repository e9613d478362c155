-- Differs from Postgres: one writer, so nobody has opened it meanwhile, and one row at a time costs no round trip.
INSERT INTO health (name, failures, opened, open_until, since_at, code, message)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (name) DO UPDATE
SET failures = excluded.failures, opened = excluded.opened, open_until = excluded.open_until,
    since_at = excluded.since_at, code = excluded.code, message = excluded.message
