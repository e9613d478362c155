-- Differs from Postgres: SQLite's names of types and functions. What may have been pruned is not missed.
SELECT a.id, printf('%d attempts, calls of %d of them, the last is of attempt %d',
                    a.attempt, count(DISTINCT c.attempt), coalesce(max(c.attempt), 0))
FROM (
    SELECT id, attempt FROM ready
    UNION ALL SELECT id, attempt FROM parked
    UNION ALL SELECT id, attempt FROM runs
    UNION ALL SELECT id, attempt FROM outcomes
    WHERE finished_at >= coalesce((SELECT before_at FROM retention WHERE what = 'calls'), 0)
) a
LEFT JOIN calls c ON c.generation_id = a.id
GROUP BY a.id, a.attempt
HAVING count(DISTINCT c.attempt) <> a.attempt OR coalesce(max(c.attempt), 0) > a.attempt
