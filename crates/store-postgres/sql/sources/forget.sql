DELETE FROM source_items
WHERE id IN (
  SELECT i.id
  FROM source_items i
  JOIN sources s ON s.id = i.source_id
  WHERE i.last_seen_at < $1 AND s.body IS NULL
  ORDER BY i.last_seen_at
  LIMIT $2
)
RETURNING id
