SELECT fingerprint, generation_id, draft_id
FROM idempotency
WHERE workspace_id = $1 AND owner = $2 AND route = $3 AND key = $4 AND expires_at > $5
