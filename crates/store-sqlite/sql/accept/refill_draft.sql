-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE drafts
SET live_generation_id = $1, status = $2, updated_at = $3, revision = revision + 1
WHERE id = $4 AND workspace_id = $5
