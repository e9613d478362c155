UPDATE sources
SET leased_until = $1
WHERE workspace_id = $2 AND id = $3 AND url IS NOT NULL AND (leased_until IS NULL OR leased_until <= $4)
RETURNING sources.id, sources.workspace_id, sources.user_id, sources.user_external, sources.kind, sources.name, sources.url, sources.body, sources.schedule, sources.error_code, sources.error_message,
       sources.error_since, sources.failures, sources.fetched_at, sources.next_at, sources.leased_until, sources.paused_at, sources.etag, sources.last_modified, sources.feed_url, sources.fetches,
       sources.new_items, sources.revision, sources.created_at, sources.updated_at,
       (SELECT count(*) FROM source_items i WHERE i.source_id = sources.id) AS items
