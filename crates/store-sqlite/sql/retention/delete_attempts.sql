-- Differs from Postgres: one at a time, since a statement costs no round trip.
DELETE FROM webhook_attempts WHERE workspace_id = $1 AND delivery_id = $2
