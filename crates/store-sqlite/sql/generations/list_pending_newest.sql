-- Only here: SQLite plans a statement once, so each filter with an index has its own.
SELECT q.id
FROM (
    SELECT id FROM (SELECT r.id FROM ready r JOIN generations g ON g.id = r.id
                    WHERE r.workspace_id = $1 AND r.id < $2 AND ($3 IS NULL OR g.recipe = $3)
                    ORDER BY r.id DESC LIMIT $4)
    UNION ALL
    SELECT id FROM (SELECT p.id FROM parked p JOIN generations g ON g.id = p.id
                    WHERE p.workspace_id = $1 AND p.id < $2 AND ($3 IS NULL OR g.recipe = $3)
                    ORDER BY p.id DESC LIMIT $4)
) q
ORDER BY q.id DESC
LIMIT $4
