SELECT 1 FROM nodes WHERE goodbye = 0 AND beat_at >= $1 LIMIT 1
