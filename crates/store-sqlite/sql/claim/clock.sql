-- Differs from Postgres: the one writer keeps the times in memory.
SELECT queue_id, virtual_time FROM clock
