-- Only here: part of `extend` there.
UPDATE runs SET deadline_at = $1, row_version = $2
WHERE id = $3 AND workspace_id = $4 AND attempt = $5 AND row_version = $6
