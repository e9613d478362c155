UPDATE sources
SET name = $1, url = $2, body = $3, schedule = $4, next_at = $5, paused_at = $6, updated_at = $7, revision = revision + 1,
    leased_until = NULL,
    fetched_at = CASE WHEN $3 IS NOT NULL THEN $7 WHEN $8 THEN NULL ELSE fetched_at END,
    error_code = CASE WHEN $8 THEN NULL ELSE error_code END,
    error_message = CASE WHEN $8 THEN NULL ELSE error_message END,
    error_since = CASE WHEN $8 THEN NULL ELSE error_since END,
    failures = CASE WHEN $8 THEN 0 ELSE failures END,
    etag = CASE WHEN $8 THEN NULL ELSE etag END,
    last_modified = CASE WHEN $8 THEN NULL ELSE last_modified END,
    feed_url = CASE WHEN $8 THEN NULL ELSE feed_url END
WHERE workspace_id = $9 AND id = $10 AND revision = $11
RETURNING id
