DELETE FROM sign_ins WHERE workspace_id = $1 AND user_id = $2 AND id = coalesce($3, id)
RETURNING id
