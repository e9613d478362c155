DELETE FROM sign_ins
WHERE workspace_id = $1 AND user_id = $2
  AND id NOT IN (SELECT id FROM sign_ins WHERE workspace_id = $1 AND user_id = $2 ORDER BY id DESC LIMIT $3)
