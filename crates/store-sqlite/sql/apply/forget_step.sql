-- Differs from Postgres: one writer, so one row at a time costs no round trip.
DELETE FROM steps WHERE generation_id = $1 AND workspace_id = $2 AND name = $3
