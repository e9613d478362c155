DELETE FROM sign_ins
WHERE id IN (SELECT id FROM sign_ins WHERE expires_at <= $1 OR last_seen_at <= $2 LIMIT $3)
RETURNING id
