-- Differs from SQLite: all of them are locked, in the order of their keys. All lanes of the workspace are looked at once.
WITH mine AS (
  SELECT l.workspace_id, l.lane_id FROM webhook_lanes l WHERE l.workspace_id = $2 ORDER BY l.lane_id FOR UPDATE
)
UPDATE webhook_lanes l
SET due_at = least(l.due_at, $1)
FROM mine m
WHERE l.workspace_id = m.workspace_id AND l.lane_id = m.lane_id
