DELETE FROM source_fetches
WHERE source_id = $1 AND number <= $2
