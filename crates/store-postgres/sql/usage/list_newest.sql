-- Differs from SQLite: planned for the values at hand, so one statement serves with and without filters.
select c.id, c.generation_id, c.draft_id, c.user_id, coalesce(u.external_id, '') as user_external, c.attempt, c.service,
       c.operation, c.provider, c.model, c.opened_at, c.closed_at, c.outcome, c.tokens_input, c.tokens_output,
       c.tokens_cached, c.tokens_reasoning, c.tokens_cache_write, c.tokens_cache_write_1h, c.tokens_input_image,
       c.tokens_output_image, c.images, c.video_seconds, c.requests, c.estimated, c.cost_nanousd, c.cost_status,
       c.price_version, c.duration_ms, c.first_token_ms, c.http_status, c.provider_request_id, c.served_model,
       c.error_code, c.error
from calls c
left join users u on u.workspace_id = c.workspace_id and u.id = c.user_id
where c.workspace_id = $1 and c.id < $2
  and ($3::uuid is null or c.user_id = $3)
  and ($4::uuid is null or c.generation_id = $4)
  and ($5::uuid is null or c.draft_id = $5)
order by c.id desc
limit $6
