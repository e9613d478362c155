-- Differs from Postgres: one writer, so one row at a time costs no round trip. Whether it may be closed is known.
UPDATE calls
SET tokens_input = $1, tokens_output = $2, tokens_cached = $3, tokens_reasoning = $4,
    tokens_cache_write = $5, tokens_cache_write_1h = $6, tokens_input_image = $7, tokens_output_image = $8,
    images = $9, video_seconds = $10, requests = $11, estimated = $12, cost_nanousd = $13,
    cost_status = $14, price_version = $15, duration_ms = $16, first_token_ms = $17, http_status = $18,
    provider_request_id = $19, served_model = $20, error_code = $21, error = $22, outcome = $23,
    closed_at = $24
WHERE id = $25 AND workspace_id = $26
