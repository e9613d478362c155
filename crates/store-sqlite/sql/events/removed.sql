-- Differs from Postgres: spelling only.
SELECT coalesce(max(seq), 0) FROM events_removed WHERE workspace_id = $1
