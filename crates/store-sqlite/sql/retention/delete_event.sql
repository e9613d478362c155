-- Differs from Postgres: one at a time, since a statement costs no round trip.
DELETE FROM events WHERE workspace_id = $1 AND seq = $2
