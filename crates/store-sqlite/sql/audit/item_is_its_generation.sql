-- Differs from Postgres: SQLite's names of types and functions.
-- What lives of a job is what its item is made of now, and so no item has two; what has ended as an item's last one has
-- given it its draft if and only if it was completed.
SELECT g.workspace_id, g.id, printf('item %d is %s, its generation %s', g.job_seq, coalesce(i.status, 'gone'),
                                    coalesce(o.status, 'lives'))
FROM generations g
LEFT JOIN outcomes o ON o.id = g.id
LEFT JOIN job_items i ON i.job_id = g.job_id AND i.seq = g.job_seq
WHERE g.id > $1 AND g.id <= $2 AND g.job_id IS NOT NULL
  AND (i.status IS NULL
       OR (o.id IS NULL AND (i.generation_id IS NOT g.id OR i.status <> 'processing'))
       OR (o.id IS NOT NULL AND i.generation_id = g.id
           AND (i.status = 'processing' OR (i.status = 'completed') <> (o.status = 'completed'))))
