-- Differs from SQLite: all at once, as arrays. Their lanes are locked, so nobody enables an endpoint meanwhile.
-- `put_by`: it waits for its endpoint to be enabled, and where that is so it is due at `at`.
UPDATE webhook_deliveries d
SET due_at = CASE
      WHEN f.put_by AND EXISTS (SELECT FROM webhooks e WHERE e.id = d.webhook_id AND e.disabled_at IS NULL) THEN f.at
      ELSE f.due_at
    END,
    ended_at = f.ended_at, ended_how = f.ended_how
FROM unnest(
  $1::boolean[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::uuid[], $7::uuid[], $8::bigint[]
) AS f (put_by, at, due_at, ended_at, ended_how, workspace_id, id, attempt)
WHERE d.workspace_id = f.workspace_id AND d.id = f.id AND d.attempt = f.attempt AND d.attempt > d.round
  AND d.due_at IS NOT NULL
RETURNING d.id, d.attempt
