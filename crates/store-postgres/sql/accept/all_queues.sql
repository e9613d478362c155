-- Differs from SQLite: many processes. Each keeps the queues in memory.
select id, workspace_id, recipe, provider, model, onward from queues
