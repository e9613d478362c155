-- Only here: a statement costs no round trip, and SQLite has no LATERAL. The first lane after one that has something waiting.
SELECT workspace_id, lane_id
FROM webhook_deliveries
WHERE due_at IS NOT NULL AND (workspace_id, lane_id) > ($1, $2)
ORDER BY workspace_id, lane_id
LIMIT 1
