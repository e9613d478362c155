-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO clock (queue_id, virtual_time)
VALUES ($1, $2)
ON CONFLICT (queue_id) DO UPDATE SET virtual_time = excluded.virtual_time WHERE virtual_time < excluded.virtual_time
