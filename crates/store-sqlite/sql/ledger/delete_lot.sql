-- Differs from Postgres: one writer, so one row at a time costs no round trip.
DELETE FROM lots WHERE workspace_id = $1 AND user_id = $2 AND expires_at = $3 AND transfer_id = $4
