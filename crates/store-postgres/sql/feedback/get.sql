SELECT id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
FROM feedback
WHERE workspace_id = $1 AND id = $2
