-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO live_keys (workspace_id, dedupe_key, generation_id, draft_id) VALUES ($1, $2, $3, $4)
