-- Differs from SQLite: all at once, as arrays. They are locked.
DELETE FROM webhook_lanes l
USING unnest($1::uuid[], $2::uuid[]) AS o (workspace_id, lane_id)
WHERE l.workspace_id = o.workspace_id AND l.lane_id = o.lane_id
  AND NOT EXISTS (
    SELECT FROM webhook_deliveries d
    WHERE d.workspace_id = o.workspace_id AND d.lane_id = o.lane_id AND d.due_at IS NOT NULL
  )
