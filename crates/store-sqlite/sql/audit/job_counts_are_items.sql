-- Differs from Postgres: SQLite's names of types and functions.
-- What a job counts of each status is how many of its items are so.
SELECT j.workspace_id, j.id, printf('%s says %d, there are %d', c.status, c.said, c.there)
FROM job_list j
JOIN (
    SELECT b.id, s.column1 AS status,
           CASE s.column1 WHEN 'pending' THEN b.pending WHEN 'processing' THEN b.processing WHEN 'completed' THEN b.completed
               WHEN 'failed' THEN b.failed WHEN 'skipped' THEN b.skipped ELSE b.cancelled END AS said,
           (SELECT count(*) FROM job_items i WHERE i.job_id = b.id AND i.status = s.column1) AS there
    FROM job_list b, (VALUES ('pending'), ('processing'), ('completed'), ('failed'), ('skipped'), ('cancelled')) s
    WHERE b.id > $1 AND b.id <= $2
) c ON c.id = j.id
WHERE c.said <> c.there
