SELECT f.number, f.at, f.ms, f.status, f.fetched, f.new_items, f.updated_items, f.error_code, f.error_message
FROM source_fetches f
WHERE f.source_id = $1 AND f.number < $2
ORDER BY f.number DESC
LIMIT $3
