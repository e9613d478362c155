SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM files WHERE workspace_id = $1 AND expires_at > $2
