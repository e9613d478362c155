SELECT id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
FROM feedback
WHERE workspace_id = $1 AND user_id = $2 AND recipe = $3 AND updated_at >= $4
ORDER BY updated_at DESC, id DESC
LIMIT $5
