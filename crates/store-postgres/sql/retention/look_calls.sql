-- Differs from SQLite: those that may go are locked; what somebody else removes is left to them.
-- The oldest calls after a place, and which of them may go: closed, of a generation that has ended, both before $1.
select c.workspace_id, c.id, c.generation_id, c.opened_at, coalesce(c.closed_at < $1 and o.finished_at < $1, false) as old,
       c.closed_at, c.outcome, c.tokens_input, c.tokens_output, c.tokens_cached, c.tokens_reasoning, c.tokens_cache_write,
       c.tokens_cache_write_1h, c.tokens_input_image, c.tokens_output_image, c.images, c.video_seconds, c.requests,
       c.estimated, c.cost_nanousd, c.cost_status, c.price_version, c.duration_ms, c.first_token_ms, c.http_status,
       c.provider_request_id, c.served_model, c.error_code, c.error
from calls c
left join outcomes o on o.id = c.generation_id
where (c.workspace_id, c.id) > ($2, $3)
order by c.workspace_id, c.id
limit $4
for update of c skip locked
