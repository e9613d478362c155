-- Differs from Postgres: one writer, and no array types.
-- Numbers: 0 past its deadline, 1 node lost, 2 attempt overran; the smallest counts. Each branch reads an index of
-- exactly what is overdue; nodes are found by a loose scan over the nodes that run something.
WITH RECURSIVE running (node_id) AS (
    SELECT min(node_id) FROM runs
    UNION ALL
    SELECT (SELECT min(r.node_id) FROM runs r WHERE r.node_id > n.node_id)
    FROM running n
    WHERE n.node_id IS NOT NULL
),
overdue (id, reason) AS (
    SELECT id, 0 FROM ready WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 0 FROM parked WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 0 FROM runs WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 2 FROM runs WHERE attempt_deadline_at <= $2
    UNION ALL
    SELECT r.id, 1
    FROM running n
    JOIN runs r ON r.node_id = n.node_id
    LEFT JOIN nodes d ON d.id = n.node_id
    WHERE n.node_id <> coalesce($3, n.node_id)
       OR (d.id IS NULL AND $3 IS NULL)
       OR d.goodbye = 1
       OR d.beat_at < $4
)
SELECT id, min(reason)
FROM overdue
WHERE id > $5
GROUP BY id
ORDER BY id
LIMIT $6
