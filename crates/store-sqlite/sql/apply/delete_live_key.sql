-- Differs from Postgres: one writer, so one row at a time costs no round trip.
DELETE FROM live_keys WHERE workspace_id = $1 AND dedupe_key = $2 AND generation_id = $3
