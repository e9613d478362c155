-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT g.id FROM generations g
WHERE g.workspace_id = $1 AND g.id > $2
  AND ($3 IS NULL OR g.recipe = $3)
  AND ($4 IS NULL OR g.user_id = $4)
  AND ($5 IS NULL OR g.draft_id = $5)
  AND g.job_id = $6
  AND ($7 IS NULL OR $7 = coalesce(
        (SELECT o.status FROM outcomes o WHERE o.id = g.id),
        (SELECT $8 FROM runs x WHERE x.id = g.id),
        $9))
ORDER BY g.id ASC
LIMIT $10
