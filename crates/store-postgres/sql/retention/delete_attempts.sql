-- Differs from SQLite: all at once; their messages are locked.
DELETE FROM webhook_attempts WHERE delivery_id = ANY ($1::uuid[])
