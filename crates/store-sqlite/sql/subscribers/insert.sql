-- Differs from Postgres: one at a time.
INSERT INTO subscribers (workspace_id, id, list, address, recipient, name, external_id, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
