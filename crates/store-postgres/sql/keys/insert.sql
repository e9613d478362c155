INSERT INTO api_keys (id, workspace_id, name, secret_hash, shown, mode, role, scopes, user_external, recipes, models,
       requests_per_minute, concurrent_max, manages_keys, revision, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT DO NOTHING
RETURNING revision
