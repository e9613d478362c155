-- Differs from Postgres: one row at a time, and the number continues the workspace's own sequence. (Not as INSERT of a
-- SELECT: reading the table that is written makes SQLite build a temporary one.)
INSERT INTO events (workspace_id, seq, kind, generation_id, draft_id, user_id, created_at, data)
VALUES ($1, (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE workspace_id = $1), $2, $3, $4, $5, $6, $7)
