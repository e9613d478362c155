SELECT fingerprint, id, workspace_id, user_id, user_external, key_id, name, media_type, bytes, sha256, path,
    created_at, expires_at
FROM files
WHERE workspace_id = $1 AND idempotency_key = $2
