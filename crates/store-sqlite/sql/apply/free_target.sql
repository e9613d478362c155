-- Differs from Postgres: one writer, so one row at a time costs no round trip.
DELETE FROM live_targets WHERE workspace_id = $1 AND target = $2 AND generation_id = $3
