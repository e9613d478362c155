SELECT i.id, i.source_id, s.name AS source_name, i.title, i.link, i.body, i.published_at, i.seen_at, i.last_seen_at
FROM source_items i
JOIN sources s ON s.id = i.source_id
WHERE i.workspace_id = $1 AND i.id > $2 AND ($3 IS NULL OR i.source_id = $3)
  AND ($4 IS NULL OR s.user_id IN ($4, $5)) AND ($6 IS NULL OR i.at >= $6)
ORDER BY i.id ASC
LIMIT $7
