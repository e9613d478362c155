-- Only here: the reading back after `insert_queue`.
select id from queues where workspace_id = $1 and recipe = $2 and model = $3 and onward = $4
