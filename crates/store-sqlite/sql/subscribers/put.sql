-- Differs from Postgres: one at a time.
UPDATE subscribers SET address = $1, name = $2, external_id = $3, updated_at = $4 WHERE workspace_id = $5 AND id = $6
