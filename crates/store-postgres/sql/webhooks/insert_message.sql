-- Differs from SQLite: all at once, as arrays.
INSERT INTO webhook_deliveries (
  id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at, attempt, round, due_at
)
SELECT m.*, 0, 0, m.created_at
FROM unnest(
  $1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::timestamptz[]
) AS m (id, workspace_id, webhook_id, seq, kind, url, lane_id, body, created_at)
ON CONFLICT DO NOTHING
