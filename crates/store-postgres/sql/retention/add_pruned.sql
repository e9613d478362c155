-- Differs from SQLite: all workspaces at once, in one order.
insert into usage_pruned as p (workspace_id,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
select *
from unnest(
  $1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[]
)
order by 1
on conflict (workspace_id) do update
set
    calls = p.calls + excluded.calls, failed = p.failed + excluded.failed,
    estimated = p.estimated + excluded.estimated, unpriced = p.unpriced + excluded.unpriced,
    tokens_input = p.tokens_input + excluded.tokens_input,
    tokens_output = p.tokens_output + excluded.tokens_output,
    tokens_cached = p.tokens_cached + excluded.tokens_cached,
    tokens_cache_write = p.tokens_cache_write + excluded.tokens_cache_write,
    tokens_reasoning = p.tokens_reasoning + excluded.tokens_reasoning, images = p.images + excluded.images,
    video_seconds = p.video_seconds + excluded.video_seconds,
    cost_nanousd = p.cost_nanousd + excluded.cost_nanousd, duration_ms = p.duration_ms + excluded.duration_ms
