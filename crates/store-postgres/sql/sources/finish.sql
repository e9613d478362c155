-- Differs from SQLite: the type of what may be absent is named.
UPDATE sources
SET leased_until = NULL, fetches = fetches + 1, next_at = $1, error_code = $2::text, error_message = $3,
    error_since = CASE WHEN $2::text IS NULL THEN NULL ELSE coalesce(error_since, $4::timestamptz) END,
    failures = CASE WHEN $2::text IS NULL THEN 0 ELSE failures + 1 END,
    fetched_at = CASE WHEN $2::text IS NULL THEN $4::timestamptz ELSE fetched_at END,
    new_items = CASE WHEN $2::text IS NULL THEN $5::bigint ELSE new_items END,
    etag = $6, last_modified = $7, feed_url = $8,
    paused_at = CASE WHEN $9::boolean THEN coalesce(paused_at, $4) ELSE paused_at END
WHERE workspace_id = $10 AND id = $11
RETURNING fetches
