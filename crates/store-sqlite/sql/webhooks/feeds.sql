SELECT f.seq AS feed_seq, f.epoch, e.id, e.workspace_id, e.url, e.events, e.description, e.secret, e.old_secret, e.old_secret_until, e.old_events, e.old_events_to, e.since_seq,
       e.revision, e.created_at, e.disabled_at, e.disabled_why, e.failing_since, e.removed_at
FROM webhook_feeds f
JOIN webhooks e ON e.workspace_id = f.workspace_id
WHERE e.disabled_at IS NULL AND e.removed_at IS NULL
ORDER BY e.workspace_id, e.id
