-- Differs from SQLite: a sum of bigint is no bigint.
SELECT count(*) AS files, coalesce(sum(bytes), 0)::bigint AS bytes FROM files WHERE workspace_id = $1 AND expires_at > $2
