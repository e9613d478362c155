-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO inputs (generation_id, workspace_id, input, metadata, filled) VALUES ($1, $2, $3, $4, $5)
