-- Differs from Postgres: one writer, and no array types.
-- Numbers: 0 past its deadline, 1 node lost, 2 attempt overran; the smallest counts. `runs` is read whole: it holds only
-- what is processing now, and an index for the sweeper would be written twice for every generation.
WITH overdue (id, reason) AS (
    SELECT id, 0 FROM ready WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 0 FROM parked WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 0 FROM runs WHERE deadline_at <= $1
    UNION ALL
    SELECT id, 2 FROM runs WHERE attempt_deadline_at <= $2
    UNION ALL
    SELECT r.id, 1
    FROM runs r
    LEFT JOIN nodes d ON d.id = r.node_id
    WHERE r.node_id <> coalesce($3, r.node_id)
       OR (d.id IS NULL AND $3 IS NULL)
       OR d.beat_at < $4
)
SELECT id, min(reason)
FROM overdue
WHERE id > $5
GROUP BY id
ORDER BY id
LIMIT $6
