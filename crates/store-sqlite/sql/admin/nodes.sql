SELECT n.id, n.label, n.started_at, n.beat_at, (SELECT count(*) FROM runs r WHERE r.node_id = n.id)
FROM nodes n
ORDER BY n.started_at, n.id
