-- Only here: drafts are saved from memory there.
-- A draft that has a version keeps its status.
UPDATE drafts
SET status = CASE WHEN current_version = 0 THEN $1 ELSE status END,
    live_generation_id = NULL,
    revision = revision + 1,
    updated_at = $2
WHERE id = $3 AND workspace_id = $4
