DELETE FROM schedules
WHERE workspace_id = $1 AND id = $2 AND ($3 IS NULL OR revision = $3)
