-- Differs from Postgres: of one workspace, which has its own numbers.
SELECT seq, kind FROM events WHERE workspace_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
