-- Differs from Postgres: SQLite's names of types and functions.
-- What a bulk action counts of each outcome is how many of its items are so.
SELECT l.workspace_id, l.id, printf('%s says %d, there are %d', c.outcome, c.said, c.there)
FROM bulk_list l
JOIN (
    SELECT b.id, s.column1 AS outcome,
           CASE s.column1 WHEN 'open' THEN b.open WHEN 'done' THEN b.done WHEN 'skipped' THEN b.skipped ELSE b.failed END AS said,
           (SELECT count(*) FROM bulk_items i WHERE i.bulk_id = b.id AND i.outcome = s.column1) AS there
    FROM bulk_list b, (VALUES ('open'), ('done'), ('skipped'), ('failed')) s
    WHERE b.id > $1 AND b.id <= $2
) c ON c.id = l.id
WHERE c.said <> c.there
