-- Differs from Postgres: names of functions, and the index is named, which the planner would not take by itself.
-- What a mailing counts of each status is how many of its mails are so.
SELECT l.workspace_id, l.id, printf('%s says %d, there are %d', c.status, c.said, c.there)
FROM mailings l
JOIN (
    SELECT g.id, s.column1 AS status,
           CASE s.column1 WHEN 'queued' THEN g.queued WHEN 'sending' THEN g.sending WHEN 'sent' THEN g.sent WHEN 'failed' THEN g.failed
               WHEN 'unknown' THEN g.unknown WHEN 'cancelled' THEN g.cancelled ELSE g.skipped END AS said,
           (SELECT count(*) FROM mails m INDEXED BY mails_by_mailing WHERE m.workspace_id = g.workspace_id AND m.mailing_id = g.id AND m.status = s.column1) AS there
    FROM mailings g, (VALUES ('queued'), ('sending'), ('sent'), ('failed'), ('unknown'), ('cancelled'), ('skipped')) s
    WHERE g.id > $1 AND g.id <= $2
) c ON c.id = l.id
WHERE c.said <> c.there
