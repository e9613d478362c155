SELECT count(*) AS schedules FROM schedules WHERE workspace_id = $1
