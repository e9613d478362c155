-- Differs from SQLite: all at once, as arrays.
UPDATE webhooks e
SET disabled_at = f.at, disabled_why = f.why, revision = e.revision + 1
FROM unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::timestamptz[]) AS f (at, why, id, failing_before)
WHERE e.id = f.id AND e.disabled_at IS NULL AND e.removed_at IS NULL
  AND (f.failing_before IS NULL OR e.failing_since <= f.failing_before)
RETURNING e.id, e.workspace_id
