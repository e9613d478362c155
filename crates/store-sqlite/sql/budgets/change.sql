-- Differs from Postgres: one writer, so it was looked at before.
UPDATE budgets SET amount = $1, warn_at = $2, ended_at = $3 WHERE workspace_id = $4 AND id = $5
