-- Differs from SQLite: several at once, in one order for everybody; another process may be faster.
with fresh as (
  insert into usage_series (workspace_id, cuboid, user_id, service, operation, model)
  select u.workspace_id, u.cuboid, u.user_id, u.service, u.operation, u.model
  from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[])
       as u (workspace_id, cuboid, user_id, service, operation, model)
  order by u.workspace_id, u.cuboid, u.user_id, u.service, u.operation, u.model
  on conflict (workspace_id, cuboid, user_id, service, operation, model) do nothing
  returning no
)
insert into usage_totals (series_no, bucket_at,
  calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
  tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
select no, '1970-01-01T00:00:00Z',
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from fresh
