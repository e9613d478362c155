-- Differs from SQLite: all at once, with their endpoints.
UPDATE webhook_deliveries d
SET attempt = d.attempt + 1, due_at = $1
FROM webhooks e
WHERE d.id = ANY ($2::uuid[]) AND d.workspace_id = ANY ($3::uuid[]) AND e.id = d.webhook_id
RETURNING d.id AS message_id, d.webhook_id, d.seq, d.kind, d.url AS own_url, d.lane_id, d.body,
          d.created_at AS message_at, d.attempt, d.round, d.due_at, d.ended_at, d.ended_how,
          e.id, e.workspace_id, e.url, e.events, e.description, e.secret, e.old_secret, e.old_secret_until, e.since_seq,
          e.revision, e.created_at, e.disabled_at, e.disabled_why, e.failing_since, e.removed_at
