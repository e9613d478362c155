-- Differs from SQLite: what somebody else is just claiming is left to him.
WITH due AS (
  SELECT d.id
  FROM sources d
  WHERE d.next_at <= $2 AND d.paused_at IS NULL AND (d.leased_until IS NULL OR d.leased_until <= $2)
  ORDER BY d.next_at
  LIMIT $3
  FOR UPDATE SKIP LOCKED
)
UPDATE sources
SET leased_until = $1
FROM due
WHERE sources.id = due.id
RETURNING sources.id, sources.workspace_id, sources.user_id, sources.user_external, sources.kind, sources.name, sources.url, sources.body, sources.schedule, sources.error_code, sources.error_message,
       sources.error_since, sources.failures, sources.fetched_at, sources.next_at, sources.leased_until, sources.paused_at, sources.etag, sources.last_modified, sources.feed_url, sources.fetches,
       sources.new_items, sources.revision, sources.created_at, sources.updated_at,
       (SELECT count(*) FROM source_items i WHERE i.source_id = sources.id) AS items
