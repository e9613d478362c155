-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO users (workspace_id, id, external_id, created_at)
VALUES ($1, $2, $3, $4)
