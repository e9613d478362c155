-- Differs from Postgres: SQLite's names of types and functions.
-- That it has no second one, the table sees to.
SELECT o.workspace_id, o.id, printf('its version %d is not there', o.version)
FROM outcomes o
WHERE o.id > $1 AND o.id <= $2
  AND o.status = 'completed'
  AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.generation_id = o.id AND v.number = o.version)
