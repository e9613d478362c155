-- Differs from Postgres: one chunk of one queue for the merge in `claim.rs`.
SELECT sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
       last_error_code, last_error
FROM ready
WHERE queue_id = $1 AND (sort_key, id) > ($2, $3)
ORDER BY sort_key, id
LIMIT $4
