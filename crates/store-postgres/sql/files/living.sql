-- Only here: a whole batch at once.
SELECT id FROM files WHERE id = any ($1::uuid[]) AND expires_at > $2
