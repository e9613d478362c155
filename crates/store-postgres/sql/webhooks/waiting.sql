-- Differs from SQLite: of all lanes, in their order.
SELECT n.waiting
FROM unnest($2::uuid[]) WITH ORDINALITY AS o (lane_id, place)
CROSS JOIN LATERAL (
  SELECT count(*) AS waiting FROM (
    SELECT FROM webhook_deliveries d
    WHERE d.workspace_id = $1 AND d.lane_id = o.lane_id AND d.due_at IS NOT NULL
    LIMIT $3
  ) AS found
) n
ORDER BY o.place
