-- Differs from Postgres: `leave_parked` takes them away.
INSERT INTO ready
    (queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step, last_error_code, last_error)
SELECT r.queue_id, r.sort_key, r.id, r.workspace_id, r.attempt, r.spent, r.row_version + 1, r.deadline_at, r.model, r.step,
       r.last_error_code, r.last_error
FROM job_items i
JOIN parked r ON r.id = i.generation_id
WHERE r.reason = $1 AND i.job_id = $2 AND i.status = $3
