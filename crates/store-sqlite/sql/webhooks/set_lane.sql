-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhook_lanes
SET due_at = (
  SELECT min(d.due_at) FROM webhook_deliveries d
  WHERE d.workspace_id = webhook_lanes.workspace_id AND d.lane_id = webhook_lanes.lane_id AND d.due_at IS NOT NULL
)
WHERE workspace_id = $1 AND lane_id = $2
