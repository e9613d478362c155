-- Differs from Postgres: SQLite's names of types and functions.
SELECT o.id, printf('%d versions', count(v.number))
FROM outcomes o
LEFT JOIN versions v ON v.generation_id = o.id AND v.number = o.version
WHERE o.status = 'completed'
GROUP BY o.id
HAVING count(v.number) <> 1
