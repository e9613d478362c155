-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT status, current_version, live_generation_id
FROM drafts
WHERE id = $1 AND workspace_id = $2 AND deleted_at IS NULL
