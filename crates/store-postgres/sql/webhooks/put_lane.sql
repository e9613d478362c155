-- Differs from SQLite: all at once, as arrays, in the order of their keys, so that two writers never wait for each other.
INSERT INTO webhook_lanes (workspace_id, lane_id, due_at)
SELECT workspace_id, lane_id, min(due_at)
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS n (workspace_id, lane_id, due_at)
GROUP BY workspace_id, lane_id
ORDER BY workspace_id, lane_id
ON CONFLICT (workspace_id, lane_id) DO UPDATE SET due_at = excluded.due_at WHERE webhook_lanes.due_at > excluded.due_at
