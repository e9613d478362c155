-- Differs from Postgres: the one writer keeps the queues in memory.
SELECT id, workspace_id, recipe, provider, model, onward FROM queues
