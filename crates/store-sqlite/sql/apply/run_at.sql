SELECT run_at FROM generations WHERE id = $1 AND workspace_id = $2
