-- Differs from SQLite: all at once, as arrays.
UPDATE webhook_deliveries d
SET due_at = f.due_at, ended_at = f.ended_at, ended_how = f.ended_how
FROM unnest($1::timestamptz[], $2::timestamptz[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[])
  AS f (due_at, ended_at, ended_how, workspace_id, id, attempt)
WHERE d.workspace_id = f.workspace_id AND d.id = f.id AND d.attempt = f.attempt AND d.attempt > d.round
  AND d.due_at IS NOT NULL
RETURNING d.id, d.attempt
