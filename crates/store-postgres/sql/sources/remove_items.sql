DELETE FROM source_items
WHERE source_id = $1
