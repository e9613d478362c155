SELECT s.id, s.workspace_id, s.user_id, s.user_external, s.kind, s.name, s.url, s.body, s.schedule, s.error_code, s.error_message,
       s.error_since, s.failures, s.fetched_at, s.next_at, s.leased_until, s.paused_at, s.etag, s.last_modified, s.feed_url, s.fetches,
       s.new_items, s.revision, s.created_at, s.updated_at,
       (SELECT count(*) FROM source_items i WHERE i.source_id = s.id) AS items
FROM sources s
WHERE s.workspace_id = $1 AND s.id < $2 AND ($3 IS NULL OR s.user_id IN ($3, $4)) AND ($5 IS NULL OR s.kind = $5)
  AND ($6 IS NULL OR CASE WHEN s.paused_at IS NOT NULL THEN 3 WHEN s.error_code IS NOT NULL THEN 2 WHEN s.fetched_at IS NOT NULL THEN 1 ELSE 0 END = $6)
ORDER BY s.id DESC
LIMIT $7
