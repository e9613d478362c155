-- A user whose last finish lies behind the queue's virtual time starts at the virtual time anyway.
DELETE FROM fair
WHERE (workspace_id, user_id) IN (SELECT workspace_id, user_id FROM fair WHERE finish <= $1 LIMIT $2)
