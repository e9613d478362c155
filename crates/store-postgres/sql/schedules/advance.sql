-- Differs from SQLite: the answer says whether there was one.
UPDATE schedules
SET state = $1, note_code = $2, note = $3, ready_at = $4, start_at = $5, failures = $6, skipped_at = $7
WHERE workspace_id = $8 AND id = $9 AND revision = $10 AND ready_at = $11
RETURNING id
