SELECT count(*) AS items
FROM source_items i
JOIN sources s ON s.id = i.source_id
WHERE i.last_seen_at < $1 AND s.body IS NULL
