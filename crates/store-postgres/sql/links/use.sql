UPDATE links
SET used_at = $1
WHERE workspace_id = $2 AND purpose = $3 AND id = $4 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $1
RETURNING id
