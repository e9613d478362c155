SELECT id, workspace_id, name, secret_hash, shown, mode, role, scopes, user_external, recipes, models,
       requests_per_minute, concurrent_max, revision, created_at, expires_at, revoked_at, replaced_by, last_used_at,
       last_used_from, last_used_by
FROM api_keys
WHERE workspace_id = $1 AND id = $2
