-- Only here: in Postgres the bulk accept interns its queues itself.
INSERT INTO queues (workspace_id, recipe, provider, model) VALUES ($1, $2, $3, $4) RETURNING id
