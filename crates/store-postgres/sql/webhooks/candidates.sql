-- Differs from SQLite: of all lanes at once, from lane to lane along the index, however much waits in each. What another
-- node is just claiming is left to it.
WITH RECURSIVE lanes AS (
  (
    SELECT workspace_id, lane_id
    FROM webhook_deliveries
    WHERE due_at IS NOT NULL
    ORDER BY workspace_id, lane_id
    LIMIT 1
  )
  UNION ALL
  SELECT next.workspace_id, next.lane_id
  FROM lanes l
  CROSS JOIN LATERAL (
    SELECT d.workspace_id, d.lane_id
    FROM webhook_deliveries d
    WHERE d.due_at IS NOT NULL AND (d.workspace_id, d.lane_id) > (l.workspace_id, l.lane_id)
    ORDER BY d.workspace_id, d.lane_id
    LIMIT 1
  ) next
)
SELECT due.id, due.workspace_id, due.lane_id, due.due_at
FROM lanes l
CROSS JOIN LATERAL (
  SELECT d.id, d.workspace_id, d.lane_id, d.due_at
  FROM webhook_deliveries d
  WHERE d.workspace_id = l.workspace_id AND d.lane_id = l.lane_id AND d.due_at <= $1
  ORDER BY d.due_at
  LIMIT $2
  FOR UPDATE SKIP LOCKED
) due
