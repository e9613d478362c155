-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO lots (workspace_id, user_id, expires_at, transfer_id, remaining)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (workspace_id, user_id, expires_at, transfer_id) DO UPDATE SET remaining = excluded.remaining
