-- Differs from SQLite: the type of what may be absent is named.
SELECT i.id, i.source_id, s.name AS source_name, i.title, i.link, i.body, i.published_at, i.seen_at, i.last_seen_at
FROM source_items i
JOIN sources s ON s.id = i.source_id
WHERE i.workspace_id = $1 AND i.id < $2 AND ($3::uuid IS NULL OR i.source_id = $3)
  AND ($4::uuid IS NULL OR s.user_id IN ($4, $5)) AND ($6::timestamptz IS NULL OR i.at >= $6)
ORDER BY i.id DESC
LIMIT $7
