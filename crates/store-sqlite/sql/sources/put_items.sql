INSERT INTO source_items (
  id, workspace_id, source_id, key, title, link, body, published_at, at, seen_at, last_seen_at, changed_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($8, $9), $9, $9, $9)
ON CONFLICT (source_id, key) DO UPDATE
SET title = excluded.title, link = excluded.link, body = excluded.body, published_at = excluded.published_at,
    at = coalesce(excluded.published_at, source_items.seen_at), last_seen_at = excluded.last_seen_at,
    changed_at = CASE
      WHEN source_items.title IS DISTINCT FROM excluded.title OR source_items.link IS DISTINCT FROM excluded.link
        OR source_items.body IS DISTINCT FROM excluded.body THEN excluded.changed_at
      ELSE source_items.changed_at
    END
RETURNING id, changed_at
