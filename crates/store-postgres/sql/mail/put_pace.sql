INSERT INTO mail_pace (id, day_at, taken, next_at) VALUES (1, $1, $2, $3)
ON CONFLICT (id) DO UPDATE SET day_at = excluded.day_at, taken = excluded.taken, next_at = excluded.next_at
