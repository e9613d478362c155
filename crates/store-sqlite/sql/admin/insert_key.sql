INSERT INTO api_keys (id, workspace_id, name, secret_hash, shown, created_at) VALUES ($1, $2, $3, $4, $5, $6)
