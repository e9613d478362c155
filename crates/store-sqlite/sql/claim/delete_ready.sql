-- Only here: in Postgres the deletion chooses, here the merge chose already.
DELETE FROM ready WHERE queue_id = $1 AND sort_key = $2 AND id = $3 AND attempt = $4 AND row_version = $5
