-- Differs from Postgres: of one lane, since a statement costs no round trip.
SELECT count(*) FROM (
  SELECT 1 FROM webhook_deliveries WHERE workspace_id = $1 AND lane_id = $2 AND due_at IS NOT NULL LIMIT $3
)
