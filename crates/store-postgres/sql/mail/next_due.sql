SELECT min((
    SELECT m.due_at FROM mails m
    WHERE m.workspace_id = g.workspace_id AND m.mailing_id = g.id AND m.status = 'queued'
    ORDER BY m.due_at, m.id LIMIT 1
)) AS due_at
FROM mailings g
WHERE g.finished_at IS NULL AND g.paused_at IS NULL AND NOT g.cancelling
