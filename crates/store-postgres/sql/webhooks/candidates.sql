-- Differs from SQLite: of all lanes that are due and have room, at once. They are locked until this claim is written; what
-- another node is just claiming or adding to is left to it.
WITH lanes AS (
  SELECT l.workspace_id, l.lane_id
  FROM webhook_lanes l
  WHERE l.due_at <= $1
    AND l.workspace_id <> ALL ($2::uuid[])
    AND NOT EXISTS (
      SELECT FROM unnest($3::uuid[], $4::uuid[]) AS f (workspace_id, lane_id)
      WHERE f.workspace_id = l.workspace_id AND f.lane_id = l.lane_id
    )
  ORDER BY l.due_at, l.workspace_id, l.lane_id
  LIMIT $5
  FOR UPDATE OF l SKIP LOCKED
)
SELECT l.workspace_id, l.lane_id, due.id, due.due_at
FROM lanes l
LEFT JOIN LATERAL (
  SELECT d.id, d.due_at
  FROM webhook_deliveries d
  WHERE d.workspace_id = l.workspace_id AND d.lane_id = l.lane_id AND d.due_at <= $1
  ORDER BY d.due_at
  LIMIT $6
) due ON true
