-- Differs from Postgres: SQLite's names of types and functions.
SELECT o.id, 'no call ended well'
FROM outcomes o
WHERE o.status = 'completed' AND o.origin = 'generated'
  AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.generation_id = o.id AND c.outcome = 'ok')
