-- Differs from SQLite: all at once, as arrays.
INSERT INTO webhook_attempts (workspace_id, delivery_id, attempt, at, ms, outcome, status, detail)
SELECT *
FROM unnest(
  $1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::bigint[], $8::text[]
)
ON CONFLICT DO NOTHING
