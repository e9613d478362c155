-- Only here: `fence` there, for all tables at once.
DELETE FROM runs WHERE id = $1 AND attempt = $2 AND row_version = $3
