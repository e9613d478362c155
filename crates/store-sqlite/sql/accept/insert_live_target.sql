-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO live_targets (workspace_id, target, generation_id)
VALUES ($1, $2, $3)
ON CONFLICT (workspace_id, target) DO NOTHING
