SELECT fingerprint, transfer_id
FROM post_keys
WHERE workspace_id = $1 AND owner = $2 AND route = $3 AND key = $4 AND expires_at > $5
