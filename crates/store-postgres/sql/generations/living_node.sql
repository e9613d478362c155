SELECT 1 AS living FROM nodes WHERE beat_at >= $1 LIMIT 1
