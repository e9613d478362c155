INSERT INTO files
    (id, workspace_id, user_id, user_external, key_id, name, media_type, bytes, sha256, path, created_at, expires_at,
     idempotency_key, fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
