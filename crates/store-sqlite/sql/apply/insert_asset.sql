-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO assets
    (id, workspace_id, generation_id, draft_id, version, seq, media_type, bytes, sha256, path, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
