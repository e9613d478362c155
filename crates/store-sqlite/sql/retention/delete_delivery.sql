-- Differs from Postgres: one at a time, since a statement costs no round trip.
DELETE FROM webhook_deliveries WHERE workspace_id = $1 AND id = $2
