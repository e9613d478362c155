-- Differs from Postgres: SQLite's names of types and functions.
SELECT v.generation_id, printf('version %d, and the generation is %s', v.number, coalesce(o.status, 'not final'))
FROM versions v
LEFT JOIN outcomes o ON o.id = v.generation_id
WHERE v.origin IN ('generated', 'fallback', 'stopped')
  AND (o.status IS NULL OR o.status <> 'completed')
