-- Differs from Postgres: one at a time, since a statement costs no round trip.
INSERT INTO webhook_attempts (workspace_id, delivery_id, attempt, at, ms, outcome, status, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
