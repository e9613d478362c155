-- Differs from Postgres: one writer, so nothing is locked.
SELECT day_at, taken, next_at FROM mail_pace WHERE id = 1
