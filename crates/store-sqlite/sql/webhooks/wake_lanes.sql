-- Differs from Postgres: one writer, so nothing is locked. All lanes of the workspace are looked at once.
UPDATE webhook_lanes SET due_at = $1 WHERE workspace_id = $2 AND due_at > $1
