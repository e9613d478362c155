-- Differs from Postgres: one writer, so nothing is locked.
SELECT id, generation_id, user_id, service, operation, model, closed_at,
       outcome, tokens_input, tokens_output, tokens_cached, tokens_reasoning, tokens_cache_write,
       tokens_cache_write_1h, tokens_input_image, tokens_output_image, images, video_seconds, requests, estimated,
       cost_nanousd, cost_status, price_version, duration_ms, first_token_ms, http_status, provider_request_id,
       served_model, error_code, error
FROM calls
WHERE workspace_id = $1 AND id = $2
