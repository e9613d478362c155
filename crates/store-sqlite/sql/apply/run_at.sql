-- Only here: part of `free_target` there.
SELECT run_at FROM generations WHERE id = $1 AND workspace_id = $2
