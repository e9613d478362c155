-- Differs from Postgres: what may be absent needs no type.
SELECT id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
FROM feedback
WHERE workspace_id = $1 AND id > $2 AND ($3 IS NULL OR draft_id = $3) AND ($4 IS NULL OR user_id = $4)
  AND ($5 IS NULL OR recipe = $5)
ORDER BY id ASC
LIMIT $6
