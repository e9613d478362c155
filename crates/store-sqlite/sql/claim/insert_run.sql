-- Only here: part of `take` there.
INSERT INTO runs
    (id, workspace_id, queue_id, sort_key, attempt, spent, row_version, deadline_at, model, step, node_id,
     claimed_at, attempt_deadline_at, call_id, last_error_code, last_error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
