UPDATE api_keys
SET name = $1, mode = $2, role = $3, scopes = $4, user_external = $5, recipes = $6, models = $7,
    requests_per_minute = $8, concurrent_max = $9, manages_keys = $10, expires_at = $11, revoked_at = $12,
    revision = revision + 1
WHERE workspace_id = $13 AND id = $14 AND revision = $15
  AND ($16 OR NOT manages_keys OR revoked_at IS NOT NULL OR replaced_by IS NOT NULL OR expires_at <= $17
       OR EXISTS (SELECT 1 FROM api_keys other
                  WHERE other.workspace_id = $13 AND other.id <> $14 AND other.manages_keys
                    AND other.revoked_at IS NULL AND other.replaced_by IS NULL
                    AND (other.expires_at IS NULL OR other.expires_at > $17)))
RETURNING revision
