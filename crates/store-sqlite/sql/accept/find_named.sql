-- Differs from Postgres: one name at a time, and by the index of names, which the planner does not choose by itself.
SELECT d.id, d.user_id, d.live_generation_id, d.version_count > 0 AS has_version
FROM drafts d INDEXED BY drafts_external
WHERE d.workspace_id = $1 AND d.external_id = $2 AND d.deleted_at IS NULL
