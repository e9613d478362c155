INSERT INTO nodes (id, label, started_at, beat_at, goodbye)
VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (id) DO UPDATE SET label = excluded.label, beat_at = excluded.beat_at, goodbye = excluded.goodbye
