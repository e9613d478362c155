-- Differs from Postgres: one at a time, since a statement costs no round trip.
DELETE FROM webhook_lanes
WHERE workspace_id = $1 AND lane_id = $2
  AND NOT EXISTS (
    SELECT 1 FROM webhook_deliveries d
    WHERE d.workspace_id = webhook_lanes.workspace_id AND d.lane_id = webhook_lanes.lane_id AND d.due_at IS NOT NULL
  )
