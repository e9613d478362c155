-- Differs from Postgres: the row is read before it.
DELETE FROM suppressions WHERE workspace_id = $1 AND id = $2
