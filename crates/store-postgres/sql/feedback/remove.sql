-- Differs from SQLite: the answer says whether there was one.
DELETE FROM feedback
WHERE workspace_id = $1 AND id = $2
RETURNING id
