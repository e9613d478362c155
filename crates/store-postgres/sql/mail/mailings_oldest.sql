SELECT g.workspace_id, g.id, g.kind, g.secret, g.spec,
       g.single, g.again, g.list, g.draft_id, g.version, g.until_id, g.walk, g.cancelling, g.retry_walk, g.created_at,
       g.queued, g.sending, g.sent, g.failed, g.unknown, g.cancelled, g.skipped,
       g.paused_at, g.finished_at, g.updated_at
FROM mailings g
WHERE g.workspace_id = $1 AND g.id > $2
ORDER BY g.id ASC
LIMIT $3
