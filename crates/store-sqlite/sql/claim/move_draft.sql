-- Only here: part of `take` there.
UPDATE drafts
SET status = $1, updated_at = $2, revision = revision + 1
WHERE id = $3 AND workspace_id = $4 AND current_version = 0
