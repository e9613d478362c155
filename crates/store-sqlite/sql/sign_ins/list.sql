SELECT id AS sign_in_id, token_hash, created_at AS began_at, expires_at, last_seen_at, from_address, client
FROM sign_ins
WHERE workspace_id = $1 AND user_id = $2
ORDER BY id DESC
