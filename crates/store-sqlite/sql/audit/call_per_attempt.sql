-- Differs from Postgres: SQLite's names of types and functions. What may have been pruned is not missed.
SELECT a.workspace_id, a.id, printf('%d attempts, calls of %d of them, the last is of attempt %d', a.attempt,
                                    (SELECT count(DISTINCT c.attempt) FROM calls c WHERE c.generation_id = a.id),
                                    (SELECT coalesce(max(c.attempt), 0) FROM calls c WHERE c.generation_id = a.id))
FROM (
    SELECT workspace_id, id, attempt FROM ready WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id, attempt FROM parked WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id, attempt FROM runs WHERE id > $1 AND id <= $2
    UNION ALL SELECT workspace_id, id, attempt FROM outcomes
    WHERE id > $1 AND id <= $2
      AND finished_at >= coalesce((SELECT before_at FROM retention WHERE what = 'calls'), 0)
) a
WHERE (SELECT count(DISTINCT c.attempt) <> a.attempt OR coalesce(max(c.attempt), 0) > a.attempt
       FROM calls c WHERE c.generation_id = a.id)
