-- Differs from SQLite: several at once, locked in the order of their ids until they are closed.
select c.id, c.generation_id, c.workspace_id, c.user_id, c.service, c.operation, c.model, c.closed_at,
       c.outcome, c.tokens_input, c.tokens_output, c.tokens_cached, c.tokens_reasoning, c.tokens_cache_write,
       c.tokens_cache_write_1h, c.tokens_input_image, c.tokens_output_image, c.images, c.video_seconds, c.requests,
       c.estimated, c.cost_nanousd, c.cost_status, c.price_version, c.duration_ms, c.first_token_ms, c.http_status,
       c.provider_request_id, c.served_model, c.error_code, c.error, exists (select from budgets) as budgeted
from calls c
where c.id = any ($1::uuid[])
order by c.id
for no key update of c
