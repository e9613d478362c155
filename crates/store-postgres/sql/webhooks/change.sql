-- $11 is the last event's number: whoever is enabled again hears what happens from now on.
UPDATE webhooks
SET url = $1, events = $2, description = $3, secret = $4, old_secret = $5, old_secret_until = $6, disabled_at = $7,
    disabled_why = $8, removed_at = $9, revision = revision + 1,
    since_seq = CASE WHEN disabled_at IS NOT NULL AND $10 THEN $11 ELSE since_seq END,
    failing_since = CASE WHEN disabled_at IS NOT NULL AND $10 THEN NULL ELSE failing_since END
WHERE workspace_id = $12 AND id = $13 AND revision = $14 AND removed_at IS NULL
RETURNING id, workspace_id, url, events, description, secret, old_secret, old_secret_until, since_seq, revision, created_at,
       disabled_at, disabled_why, failing_since, removed_at
