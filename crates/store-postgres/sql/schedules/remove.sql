-- Differs from SQLite: the type of what may be absent is named, and the answer says whether there was one.
DELETE FROM schedules
WHERE workspace_id = $1 AND id = $2 AND ($3::bigint IS NULL OR revision = $3)
RETURNING id
