-- Differs from SQLite: all at once; they are locked.
DELETE FROM webhook_deliveries WHERE id = ANY ($1::uuid[])
