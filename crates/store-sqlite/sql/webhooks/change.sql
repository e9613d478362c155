-- $11 is the last event's number: whoever is enabled again, or wants other kinds, hears what happens from now on. Where the
-- feed has not passed the change before, what was wanted before that one counts until this.
UPDATE webhooks
SET url = $1, events = $2, description = $3, secret = $4, old_secret = $5, old_secret_until = $6, disabled_at = $7,
    disabled_why = $8, removed_at = $9, revision = revision + 1,
    since_seq = CASE WHEN disabled_at IS NOT NULL AND $10 THEN $11 ELSE since_seq END,
    failing_since = CASE WHEN disabled_at IS NOT NULL AND $10 THEN NULL ELSE failing_since END,
    old_events = CASE
      WHEN events = $2 THEN old_events
      WHEN old_events_to > (SELECT f.seq FROM webhook_feeds f WHERE f.workspace_id = webhooks.workspace_id) THEN old_events
      ELSE events
    END,
    old_events_to = CASE WHEN events = $2 THEN old_events_to ELSE $11 END
WHERE workspace_id = $12 AND id = $13 AND revision = $14 AND removed_at IS NULL
RETURNING id, workspace_id, url, events, description, secret, old_secret, old_secret_until, old_events, old_events_to, since_seq,
       revision, created_at, disabled_at, disabled_why, failing_since, removed_at
