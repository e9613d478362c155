DELETE FROM live_targets WHERE workspace_id = $1 AND target = $2 AND generation_id = $3
