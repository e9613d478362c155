-- Differs from Postgres: only in how its words are written.
SELECT generation_id, draft_id, version, seq, media_type, bytes, sha256, path, created_at
FROM assets
WHERE id = $1 AND workspace_id = $2
