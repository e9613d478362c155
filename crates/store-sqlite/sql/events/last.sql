-- Differs from Postgres: a workspace's numbers are its own, and retention leaves the highest.
SELECT coalesce(max(seq), 0) FROM events WHERE workspace_id = $1
