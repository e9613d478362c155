-- Differs from SQLite: sent with the removal, which another revision may have refused.
DELETE FROM schedule_runs
WHERE schedule_id = $1 AND NOT EXISTS (SELECT 1 FROM schedules WHERE id = $1)
