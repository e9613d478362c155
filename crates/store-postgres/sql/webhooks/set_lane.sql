-- Differs from SQLite: all at once, as arrays. They are locked, by a statement before this one: so it sees all they have.
UPDATE webhook_lanes l
SET due_at = n.due_at
FROM unnest($1::uuid[], $2::uuid[]) AS o (workspace_id, lane_id)
CROSS JOIN LATERAL (
  SELECT min(d.due_at) AS due_at FROM webhook_deliveries d
  WHERE d.workspace_id = o.workspace_id AND d.lane_id = o.lane_id AND d.due_at IS NOT NULL
) n
WHERE l.workspace_id = o.workspace_id AND l.lane_id = o.lane_id AND n.due_at IS NOT NULL
