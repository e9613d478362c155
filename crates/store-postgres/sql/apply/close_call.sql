-- Differs from SQLite: a whole batch at once, as arrays. They are locked, and whether they may be closed is known.
update calls c
set tokens_input = u.tokens_input, tokens_output = u.tokens_output, tokens_cached = u.tokens_cached,
    tokens_reasoning = u.tokens_reasoning, tokens_cache_write = u.tokens_cache_write,
    tokens_cache_write_1h = u.tokens_cache_write_1h, tokens_input_image = u.tokens_input_image,
    tokens_output_image = u.tokens_output_image, images = u.images, video_seconds = u.video_seconds,
    requests = u.requests, estimated = u.estimated, cost_nanousd = u.cost_nanousd,
    cost_status = u.cost_status, price_version = u.price_version, duration_ms = u.duration_ms,
    first_token_ms = u.first_token_ms, http_status = u.http_status,
    provider_request_id = u.provider_request_id, served_model = u.served_model, error_code = u.error_code,
    error = u.error, outcome = u.outcome, closed_at = u.closed_at
from unnest(
  $1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::boolean[], $15::bigint[],
  $16::text[], $17::text[], $18::bigint[], $19::bigint[], $20::integer[], $21::text[], $22::text[], $23::text[],
  $24::text[], $25::text[], $26::timestamptz[]
) as u (id, workspace_id, tokens_input, tokens_output, tokens_cached, tokens_reasoning, tokens_cache_write,
        tokens_cache_write_1h, tokens_input_image, tokens_output_image, images, video_seconds, requests,
        estimated, cost_nanousd, cost_status, price_version, duration_ms, first_token_ms, http_status,
        provider_request_id, served_model, error_code, error, outcome, closed_at)
where c.id = any (array[u.id]) and c.workspace_id is not distinct from u.workspace_id
