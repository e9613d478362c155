-- Differs from SQLite: the type of what may be absent is named.
SELECT id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
FROM feedback
WHERE workspace_id = $1 AND id < $2 AND ($3::uuid IS NULL OR draft_id = $3) AND ($4::uuid IS NULL OR user_id = $4)
  AND ($5::text IS NULL OR recipe = $5)
ORDER BY id DESC
LIMIT $6
