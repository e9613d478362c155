DELETE FROM schedule_runs
WHERE schedule_id = $1 AND seq <= (SELECT max(x.seq) FROM schedule_runs x WHERE x.schedule_id = $1) - $2
