-- What was put by while its endpoint was disabled begins anew.
UPDATE webhook_deliveries
SET due_at = $1, round = attempt
WHERE workspace_id = $2 AND webhook_id = $3 AND due_at = $4
  AND lane_id IN (SELECT l.lane_id FROM webhook_lanes l WHERE l.workspace_id = $2)
