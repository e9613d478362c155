-- Differs from Postgres: SQLite's names of types and functions.
-- Per generation: hold = settle + release + open, open = 0 if and only if it is final, refunds never exceed the settle,
-- and only a settle of the whole hold leaves something to be absorbed.
SELECT b.workspace_id, b.id, printf('hold %d of %d, settled %d, released %d, refunded %d',
                                    b.held, b.hold, b.settled, b.released, b.refunded)
FROM (
    SELECT g.workspace_id, g.id, g.hold, o.id IS NULL AS lives, coalesce(o.settled, 0) AS noted,
           sum(CASE WHEN t.kind = 'hold' THEN t.amount ELSE 0 END) AS held,
           sum(CASE WHEN t.kind = 'settle' THEN t.amount ELSE 0 END) AS settled,
           sum(CASE WHEN t.kind = 'release' THEN t.amount ELSE 0 END) AS released,
           sum(CASE WHEN t.kind = 'refund' THEN t.amount ELSE 0 END) AS refunded,
           sum(CASE WHEN t.kind = 'absorb' THEN t.amount ELSE 0 END) AS absorbed
    FROM generations g
    LEFT JOIN outcomes o ON o.id = g.id
    LEFT JOIN transfers t ON t.generation_id = g.id
    WHERE g.id > $1 AND g.id <= $2
    GROUP BY g.id
) b
WHERE b.held <> b.hold
   OR b.settled + b.released <> CASE WHEN b.lives THEN 0 ELSE b.hold END
   OR b.settled <> b.noted
   OR b.refunded > b.settled
   OR (b.absorbed > 0 AND b.settled <> b.hold)
