-- Only here: the answer of  there.
SELECT id, draft_id, version, recipe, user_id, part, heading, vote, comment, created_at, updated_at
FROM feedback
WHERE workspace_id = $1 AND draft_id = $2 AND version = $3 AND part = $4
