-- Differs from Postgres: SQLite's names of types and functions. What may have been pruned is not missed.
SELECT f.workspace_id, f.id, printf('%d final events', f.ends)
FROM (
    SELECT g.workspace_id, g.id, o.id IS NULL AS lives, o.finished_at,
           (SELECT count(*) FROM events e
            WHERE e.generation_id = g.id
              AND (e.kind = 'generation.completed' OR e.kind = 'generation.failed' OR e.kind = 'generation.cancelled')
           ) AS ends
    FROM generations g
    LEFT JOIN outcomes o ON o.id = g.id
    WHERE g.id > $1 AND g.id <= $2
) f
WHERE f.ends <> CASE WHEN f.lives THEN 0 ELSE 1 END
  AND (f.lives OR f.ends > 1
       OR f.finished_at >= coalesce((SELECT before_at FROM retention WHERE what = 'events'), 0))
