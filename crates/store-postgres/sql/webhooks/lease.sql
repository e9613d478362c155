-- Differs from SQLite: all at once, with their endpoints. What somebody is writing just now is left for the next look.
WITH free AS (
  SELECT d.workspace_id, d.id
  FROM webhook_deliveries d
  WHERE d.id = ANY ($2::uuid[]) AND d.workspace_id = ANY ($3::uuid[]) AND d.due_at <= $4
  FOR UPDATE SKIP LOCKED
)
UPDATE webhook_deliveries d
SET attempt = d.attempt + 1, due_at = $1
FROM free f, webhooks e
WHERE d.workspace_id = f.workspace_id AND d.id = f.id AND e.id = d.webhook_id
RETURNING d.id AS message_id, d.webhook_id, d.seq, d.kind, d.url AS own_url, d.lane_id, d.body,
          d.created_at AS message_at, d.attempt, d.round, d.due_at, d.ended_at, d.ended_how,
          e.id, e.workspace_id, e.url, e.events, e.description, e.secret, e.old_secret, e.old_secret_until, e.old_events, e.old_events_to, e.since_seq,
          e.revision, e.created_at, e.disabled_at, e.disabled_why, e.failing_since, e.removed_at
