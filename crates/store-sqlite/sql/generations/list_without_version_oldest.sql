-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT q.id
FROM outcomes q
JOIN generations g ON g.id = q.id
WHERE q.workspace_id = $1 AND q.id > $2
  AND ($3 IS NULL OR g.recipe = $3)
  AND q.status = $4 AND q.version IS NULL
ORDER BY q.id ASC
LIMIT $5
