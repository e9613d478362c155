-- Differs from Postgres: the count of rows answers whether there was one.
DELETE FROM feedback
WHERE workspace_id = $1 AND id = $2
