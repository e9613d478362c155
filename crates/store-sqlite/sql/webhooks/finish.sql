-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhook_deliveries
SET due_at = $1, ended_at = $2, ended_how = $3
WHERE workspace_id = $4 AND id = $5 AND attempt = $6 AND attempt > round AND due_at IS NOT NULL
RETURNING attempt
