-- Differs from Postgres: one at a time, since a statement costs no round trip.
SELECT external_id FROM users WHERE workspace_id = $1 AND id = $2
