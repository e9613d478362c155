-- Differs from SQLite: all at once, as arrays.
INSERT INTO webhook_deliveries (
  id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at, ended_at, ended_how
)
SELECT m.id, m.workspace_id, m.webhook_id, m.seq, m.kind, m.url, m.lane_id, m.body, m.created_at, 0, 0, m.due_at, m.ended_at, m.ended_how
FROM unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::timestamptz[],
  $10::timestamptz[], $11::timestamptz[], $12::text[]
) AS m (id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, due_at, ended_at, ended_how)
ORDER BY m.workspace_id, m.id
ON CONFLICT (workspace_id, id) DO UPDATE
SET round = webhook_deliveries.attempt, due_at = excluded.due_at, ended_at = NULL, ended_how = NULL
