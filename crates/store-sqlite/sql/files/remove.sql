-- Differs from Postgres: one writer, so it was read before.
DELETE FROM files WHERE workspace_id = $1 AND id = $2
