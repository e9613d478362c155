-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT g.id FROM belongings b
CROSS JOIN generations g ON g.workspace_id = $1 AND g.id = b.id
WHERE b.id > $2
  AND ($3 IS NULL OR g.recipe = $3)
  AND b.user_no = (SELECT no FROM users WHERE workspace_id = $1 AND id = $4)
  AND ($5 IS NULL OR g.draft_id = $5)
  AND ($6 IS NULL OR $6 = coalesce(
        (SELECT o.status FROM outcomes o WHERE o.id = g.id),
        (SELECT $7 FROM runs x WHERE x.id = g.id),
        $8))
ORDER BY b.id ASC
LIMIT $9
