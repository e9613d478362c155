-- Differs from Postgres: the order of the join is named.
SELECT m.workspace_id, m.mailing_id, m.id
FROM mailings g INDEXED BY mailings_at_work
CROSS JOIN mails m INDEXED BY mails_due
WHERE g.finished_at IS NULL AND g.paused_at IS NULL AND g.cancelling = 0
  AND m.workspace_id = g.workspace_id AND m.mailing_id = g.id AND m.status = 'queued' AND m.due_at <= $1
ORDER BY g.single DESC, g.id
LIMIT $2
