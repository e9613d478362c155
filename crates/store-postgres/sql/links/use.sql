UPDATE links
SET used_at = $1
WHERE workspace_id = $2 AND purpose = $3 AND id = $4 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $1
  AND (login_revision IS NULL OR EXISTS (
    SELECT 1 FROM logins l
    WHERE l.workspace_id = links.workspace_id AND l.email = links.email AND l.revision = links.login_revision
  ))
RETURNING id
