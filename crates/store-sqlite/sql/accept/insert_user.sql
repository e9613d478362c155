INSERT INTO users (workspace_id, id, external_id, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (workspace_id, id) DO NOTHING
