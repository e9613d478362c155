UPDATE logins
SET name = $1, role = $2, password_hash = $3, disabled_at = $4, revision = revision + 1
WHERE workspace_id = $5 AND user_id = $6 AND revision = $7
  AND ($8 OR role <> $9 OR disabled_at IS NOT NULL
       OR EXISTS (SELECT 1 FROM logins other
                  WHERE other.workspace_id = $5 AND other.user_id <> $6 AND other.role = $9
                    AND other.disabled_at IS NULL))
RETURNING revision
