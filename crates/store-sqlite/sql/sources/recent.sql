SELECT i.id, i.source_id, s.name AS source_name, i.title, i.link, i.body, i.published_at, i.seen_at, i.last_seen_at
FROM sources s
JOIN source_items i ON i.source_id = s.id
WHERE s.workspace_id = $1 AND s.user_id IN ($2, $3) AND (i.at >= $4 OR s.body IS NOT NULL)
ORDER BY i.at DESC, i.id DESC
LIMIT $5
