-- Only here: one at a time; `living` there.
SELECT 1 AS found FROM files WHERE id = $1 AND expires_at > $2
