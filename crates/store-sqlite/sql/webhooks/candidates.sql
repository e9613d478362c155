-- Differs from Postgres: of one lane; `next_lane.sql` finds the lanes. One writer, so nothing is locked.
SELECT id, workspace_id, lane_id, due_at
FROM webhook_deliveries
WHERE workspace_id = $1 AND lane_id = $2 AND due_at <= $3
ORDER BY due_at
LIMIT $4
