DELETE FROM files WHERE id IN (SELECT id FROM files WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)
