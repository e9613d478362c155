SELECT kind, amount, user_id FROM transfers WHERE generation_id = $1 AND workspace_id = $2
