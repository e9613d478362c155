-- Differs from Postgres: one at a time, since a statement costs no round trip.
-- $1: it waits for its endpoint to be enabled, and where that is so it is due at $2.
UPDATE webhook_deliveries
SET due_at = CASE
      WHEN $1 AND EXISTS (SELECT 1 FROM webhooks e WHERE e.id = webhook_deliveries.webhook_id AND e.disabled_at IS NULL) THEN $2
      ELSE $3
    END,
    ended_at = $4, ended_how = $5
WHERE workspace_id = $6 AND id = $7 AND attempt = $8 AND attempt > round AND due_at IS NOT NULL
RETURNING attempt
