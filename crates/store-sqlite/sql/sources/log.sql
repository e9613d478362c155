INSERT INTO source_fetches (
  source_id, number, at, ms, status, fetched, new_items, updated_items, error_code, error_message
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
