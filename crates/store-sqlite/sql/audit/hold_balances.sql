-- Differs from Postgres: SQLite's names of types and functions.
-- Per generation: hold = settle + release + open, open = 0 if and only if it is final, refunds never exceed the settle,
-- and only a settle of the whole hold leaves something to be absorbed.
SELECT g.id, printf('hold %d of %d, settled %d, released %d, refunded %d',
                    coalesce(t.held, 0), g.hold, coalesce(t.settled, 0), coalesce(t.released, 0),
                    coalesce(t.refunded, 0))
FROM generations g
LEFT JOIN (
    SELECT generation_id,
           sum(CASE WHEN kind = 'hold' THEN amount ELSE 0 END) AS held,
           sum(CASE WHEN kind = 'settle' THEN amount ELSE 0 END) AS settled,
           sum(CASE WHEN kind = 'release' THEN amount ELSE 0 END) AS released,
           sum(CASE WHEN kind = 'refund' THEN amount ELSE 0 END) AS refunded,
           sum(CASE WHEN kind = 'absorb' THEN amount ELSE 0 END) AS absorbed
    FROM transfers
    WHERE generation_id IS NOT NULL
    GROUP BY generation_id
) t ON t.generation_id = g.id
LEFT JOIN outcomes o ON o.id = g.id
WHERE coalesce(t.held, 0) <> g.hold
   OR coalesce(t.settled, 0) + coalesce(t.released, 0) <> CASE WHEN o.id IS NULL THEN 0 ELSE g.hold END
   OR coalesce(t.settled, 0) <> coalesce(o.settled, 0)
   OR coalesce(t.refunded, 0) > coalesce(t.settled, 0)
   OR (coalesce(t.absorbed, 0) > 0 AND t.settled <> g.hold)
