-- Differs from Postgres: one writer, so nothing is locked.
-- The oldest calls after a place, and which of them may go: closed, of a generation that has ended, both before $1.
SELECT c.workspace_id, c.id, c.generation_id, c.opened_at, u.no AS user_no, c.closed_at < $1 AND o.finished_at < $1 AS old,
       c.closed_at, c.outcome, c.tokens_input, c.tokens_output, c.tokens_cached, c.tokens_reasoning, c.tokens_cache_write,
       c.tokens_cache_write_1h, c.tokens_input_image, c.tokens_output_image, c.images, c.video_seconds, c.requests,
       c.estimated, c.cost_nanousd, c.cost_status, c.price_version, c.duration_ms, c.first_token_ms, c.http_status,
       c.provider_request_id, c.served_model, c.error_code, c.error
FROM calls c
LEFT JOIN outcomes o ON o.id = c.generation_id
LEFT JOIN users u ON u.workspace_id = c.workspace_id AND u.id = c.user_id
WHERE (c.workspace_id, c.id) > ($2, $3)
ORDER BY c.workspace_id, c.id
LIMIT $4
