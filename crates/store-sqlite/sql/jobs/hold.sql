-- Differs from Postgres: `leave_ready` takes them away.
-- What of the job waits for its turn only and was never attempted; at most the window the feeder keeps.
INSERT INTO parked
    (queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step, last_error_code, last_error,
     reason)
SELECT r.queue_id, r.sort_key, r.id, r.workspace_id, r.attempt, r.spent, r.row_version + 1, r.deadline_at, r.model, r.step,
       r.last_error_code, r.last_error, $1
FROM job_items i
JOIN ready r ON r.id = i.generation_id
WHERE i.job_id = $2 AND i.status = $3 AND r.attempt = 0
