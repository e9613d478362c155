-- Differs from Postgres: the index is named.
SELECT g.workspace_id, g.id, g.kind, g.secret, g.spec,
       g.single, g.again, g.list, g.draft_id, g.version, g.until_id, g.walk, g.cancelling, g.retry_walk, g.created_at,
       g.queued, g.sending, g.sent, g.failed, g.unknown, g.cancelled, g.skipped,
       g.paused_at, g.finished_at, g.updated_at
FROM mailings g INDEXED BY mailings_unfinished
WHERE (g.walk IS NOT NULL OR g.cancelling = 1 OR g.retry_walk IS NOT NULL)
  AND (g.paused_at IS NULL OR g.cancelling = 1 OR g.retry_walk IS NOT NULL)
ORDER BY g.id
LIMIT $1
