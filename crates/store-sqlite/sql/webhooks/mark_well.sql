-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL
