-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT generation_id, draft_id FROM live_keys WHERE workspace_id = $1 AND dedupe_key = $2
