-- Only here: drafts are saved from memory there.
-- The new version becomes the current one only if nobody edited the draft meanwhile ($3 is what was current at accept). A
-- review is of one version: of the new one there is none.
UPDATE drafts
SET version_count = version_count + 1,
    status = CASE WHEN published_at IS NULL THEN $1 ELSE status END,
    live_generation_id = NULL,
    revision = revision + 1,
    updated_at = $2,
    generated_at = CASE WHEN current_version = $3 THEN $2 ELSE generated_at END,
    title = CASE WHEN current_version = $3 THEN $4 ELSE title END,
    review = CASE WHEN current_version = $3 THEN $5 ELSE review END,
    review_reason = CASE WHEN current_version = $3 THEN NULL ELSE review_reason END,
    current_version = CASE WHEN current_version = $3 THEN version_count + 1 ELSE current_version END
WHERE id = $6 AND workspace_id = $7
