SELECT id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at, ended_at, ended_how
FROM webhook_deliveries
WHERE workspace_id = $1 AND webhook_id = $2 AND id < $3
  AND ($4 = '' OR CASE WHEN due_at IS NULL THEN ended_how ELSE $5 END = $4)
ORDER BY id DESC
LIMIT $6
