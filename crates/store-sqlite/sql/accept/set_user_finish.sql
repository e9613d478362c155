-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO fair (queue_id, user_id, finish)
VALUES ($1, $2, $3)
ON CONFLICT (queue_id, user_id) DO UPDATE SET finish = excluded.finish
