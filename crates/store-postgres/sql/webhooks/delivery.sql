SELECT id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at, ended_at, ended_how
FROM webhook_deliveries
WHERE workspace_id = $1 AND id = $2
