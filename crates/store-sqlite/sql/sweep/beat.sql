INSERT INTO nodes (id, label, started_at, beat_at)
VALUES ($1, $2, $3, $3)
ON CONFLICT (id) DO UPDATE SET label = excluded.label, beat_at = excluded.beat_at
