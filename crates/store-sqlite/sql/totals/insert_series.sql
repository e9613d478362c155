-- Differs from Postgres: one writer, so nobody else makes it at the same time.
INSERT INTO usage_series (workspace_id, cuboid, user_id, service, operation, model)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING no
