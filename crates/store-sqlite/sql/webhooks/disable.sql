-- Differs from Postgres: one at a time, since a statement costs no round trip.
UPDATE webhooks
SET disabled_at = $1, disabled_why = $2, revision = revision + 1
WHERE id = $3 AND disabled_at IS NULL AND removed_at IS NULL AND ($4 IS NULL OR failing_since <= $4)
RETURNING workspace_id
