-- Differs from Postgres: one row at a time, and the number continues the workspace's own sequence.
INSERT INTO events (workspace_id, seq, kind, generation_id, draft_id, created_at, data)
SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6 FROM events WHERE workspace_id = $1
