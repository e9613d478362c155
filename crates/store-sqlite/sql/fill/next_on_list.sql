SELECT id, address, recipient, name, external_id
FROM subscribers
WHERE workspace_id = $1 AND list = $2 AND id > $3 AND id <= $4
ORDER BY id
LIMIT $5
