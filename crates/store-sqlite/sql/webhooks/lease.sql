-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhook_deliveries
SET attempt = attempt + 1, due_at = $1
WHERE workspace_id = $2 AND id = $3 AND due_at IS NOT NULL
RETURNING id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at, ended_at, ended_how
