-- Differs from Postgres: SQLite's names of types and functions. What may have been pruned is not missed.
SELECT g.id, printf('%d final events', coalesce(e.ends, 0))
FROM generations g
LEFT JOIN outcomes o ON o.id = g.id
LEFT JOIN (
    SELECT generation_id, count(*) AS ends
    FROM events
    WHERE kind IN ('generation.completed', 'generation.failed', 'generation.cancelled')
    GROUP BY generation_id
) e ON e.generation_id = g.id
WHERE coalesce(e.ends, 0) <> CASE WHEN o.id IS NULL THEN 0 ELSE 1 END
  AND (o.id IS NULL OR coalesce(e.ends, 0) > 1
       OR o.finished_at >= coalesce((SELECT before_at FROM retention WHERE what = 'events'), 0))
