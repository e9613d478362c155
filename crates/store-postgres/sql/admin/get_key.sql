SELECT name, secret_hash, shown, created_at FROM api_keys WHERE id = $1 AND workspace_id = $2 AND revoked_at IS NULL
