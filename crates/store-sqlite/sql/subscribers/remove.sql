-- Differs from Postgres: the count of rows says whether there was one.
DELETE FROM subscribers WHERE workspace_id = $1 AND id = $2
