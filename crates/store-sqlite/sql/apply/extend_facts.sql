-- Only here: part of `extend` there.
-- The one fact of a generation that ever changes.
UPDATE generations SET deadline_at = $1 WHERE id = $2 AND workspace_id = $3
