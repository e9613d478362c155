-- Differs from Postgres: nobody else makes queues, so the id is always new.
INSERT INTO queues (workspace_id, recipe, provider, model, onward) VALUES ($1, $2, $3, $4, $5) RETURNING id
