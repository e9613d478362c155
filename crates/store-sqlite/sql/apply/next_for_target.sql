-- Only here: part of `free_target` there.
-- The literal lets the planner take the partial index.
DELETE FROM parked
WHERE id = (
    SELECT id FROM parked
    WHERE reason = 'target' AND workspace_id = $1 AND target = $2
    ORDER BY sort_key, id
    LIMIT 1
)
RETURNING queue_id, sort_key, id, attempt, spent, row_version, deadline_at, model, step,
          last_error_code, last_error
