-- Differs from Postgres: SQLite's names of types and functions. What may have been pruned is not missed.
SELECT o.workspace_id, o.id, 'no call ended well'
FROM outcomes o
WHERE o.id > $1 AND o.id <= $2
  AND o.status = 'completed' AND o.origin = 'generated'
  AND o.finished_at >= coalesce((SELECT before_at FROM retention WHERE what = 'calls'), 0)
  AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.generation_id = o.id AND c.outcome = 'ok')
