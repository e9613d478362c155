SELECT finish FROM fair WHERE workspace_id = $1 AND user_id = $2
