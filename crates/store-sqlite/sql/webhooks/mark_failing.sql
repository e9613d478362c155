-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhooks SET failing_since = $1 WHERE id = $2 AND failing_since IS NULL
