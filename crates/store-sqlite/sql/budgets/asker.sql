-- Differs from Postgres: one at a time.
SELECT user_id, key_id FROM generations WHERE workspace_id = $1 AND id = $2
