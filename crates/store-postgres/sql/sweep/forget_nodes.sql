-- Differs from SQLite: letter case.
-- Nodes that were silent for long and run nothing.
delete from nodes
where beat_at < $1 and not exists (select 1 from runs where runs.node_id = nodes.id)
