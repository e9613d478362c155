SELECT id, label, started_at, beat_at FROM nodes ORDER BY started_at, id
