-- Differs from Postgres: one row at a time.
INSERT INTO events (workspace_id, kind, generation_id, draft_id, created_at, data) VALUES ($1, $2, $3, $4, $5, $6)
