-- Differs from Postgres: spelling only.
-- Nodes that were silent for long and run nothing.
DELETE FROM nodes
WHERE beat_at < $1 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.node_id = nodes.id)
