-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT finish FROM fair WHERE queue_id = $1 AND user_id = $2
