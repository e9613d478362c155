-- Differs from Postgres: SQLite plans a statement once, so each filter with an index has its own.
SELECT c.id AS id, c.generation_id AS generation_id, c.draft_id AS draft_id, c.user_id AS user_id,
       u.external_id AS user_external, c.attempt AS attempt, c.service AS service, c.operation AS operation,
       c.provider AS provider, c.model AS model, c.opened_at AS opened_at, c.closed_at AS closed_at,
       c.outcome AS outcome, c.tokens_input AS tokens_input, c.tokens_output AS tokens_output,
       c.tokens_cached AS tokens_cached, c.tokens_reasoning AS tokens_reasoning,
       c.tokens_cache_write AS tokens_cache_write, c.tokens_cache_write_1h AS tokens_cache_write_1h,
       c.tokens_input_image AS tokens_input_image, c.tokens_output_image AS tokens_output_image,
       c.images AS images, c.video_seconds AS video_seconds, c.requests AS requests, c.estimated AS estimated,
       c.cost_nanousd AS cost_nanousd, c.cost_status AS cost_status, c.price_version AS price_version,
       c.duration_ms AS duration_ms, c.first_token_ms AS first_token_ms, c.http_status AS http_status,
       c.provider_request_id AS provider_request_id, c.served_model AS served_model, c.error_code AS error_code, c.error AS error
FROM calls c
LEFT JOIN users u ON u.workspace_id = c.workspace_id AND u.id = c.user_id
WHERE c.workspace_id = $1 AND c.id > $2
  AND ($3 IS NULL OR c.user_id = $3)
  AND ($4 IS NULL OR c.generation_id = $4)
  AND ($5 IS NULL OR c.draft_id = $5)
ORDER BY c.id ASC
LIMIT $6
