-- Differs from SQLite: two may make it at once; no row is that the other one was first.
INSERT INTO profiles (id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)
ON CONFLICT (workspace_id, recipe, user_id) DO NOTHING
RETURNING id, workspace_id, recipe, user_id, user_external, fields, revision, created_at, updated_at
