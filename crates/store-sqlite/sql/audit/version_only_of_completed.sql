-- Differs from Postgres: SQLite's names of types and functions.
SELECT v.workspace_id, v.generation_id, printf('version %d, and the generation is %s', v.number, coalesce(o.status, 'not final'))
FROM versions v
LEFT JOIN outcomes o ON o.id = v.generation_id
WHERE v.generation_id > $1 AND v.generation_id <= $2
  AND v.origin IN ('generated', 'fallback', 'stopped')
  AND (o.status IS NULL OR o.status <> 'completed')
