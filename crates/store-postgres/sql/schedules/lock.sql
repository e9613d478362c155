-- Only here: SQLite has one writer. Runs are numbered by who has the schedule.
SELECT id FROM schedules WHERE workspace_id = $1 AND id = $2 FOR UPDATE
