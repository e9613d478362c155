-- Differs from Postgres: one at a time, since a statement costs no round trip.
INSERT INTO webhook_deliveries (
  id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at, ended_at, ended_how
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $10, $11, $12)
ON CONFLICT DO NOTHING
