-- Differs from Postgres: SQLite's names of types and functions.
-- Of the live generations of a target exactly the holder does not wait for it.
SELECT g.workspace_id, g.id, printf('%s, which is held by %s', g.target,
                                    CASE WHEN t.generation_id IS NULL THEN 'nobody'
                                         WHEN t.generation_id = g.id THEN 'itself'
                                         ELSE 'another' END)
FROM (
    SELECT id, 0 AS waits FROM ready WHERE id > $1 AND id <= $2
    UNION ALL SELECT id, reason = 'target' FROM parked WHERE id > $1 AND id <= $2
    UNION ALL SELECT id, 0 FROM runs WHERE id > $1 AND id <= $2
) l
-- Not the other way round.
CROSS JOIN generations g ON g.id = l.id
LEFT JOIN live_targets t ON t.workspace_id = g.workspace_id AND t.target = g.target
WHERE g.target IS NOT NULL
  AND CASE WHEN l.waits THEN coalesce(t.generation_id, g.id) = g.id
           ELSE coalesce(t.generation_id, x'') <> g.id END
