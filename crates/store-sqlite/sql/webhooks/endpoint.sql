-- Only here: Postgres joins it to the lease. Also one that was removed.
SELECT id, workspace_id, url, events, description, secret, old_secret, old_secret_until, old_events, old_events_to, since_seq,
       revision, created_at, disabled_at, disabled_why, failing_since, removed_at
FROM webhooks
WHERE id = $1
