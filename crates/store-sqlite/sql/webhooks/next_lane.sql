-- Only here: a statement costs no round trip, so lanes that have no room are passed one by one. The next lane to look at
-- after a place.
SELECT due_at, workspace_id, lane_id
FROM webhook_lanes
WHERE due_at <= $1 AND (due_at, workspace_id, lane_id) > ($2, $3, $4)
ORDER BY due_at, workspace_id, lane_id
LIMIT 1
