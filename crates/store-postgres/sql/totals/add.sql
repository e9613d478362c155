-- Differs from SQLite: a whole batch at once, as arrays. The totals are locked. What is counted in a bucket that is over
-- counts from then on.
with d as (
  select *
  from unnest(
    $1::bigint[], $2::timestamptz[],
    $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[]
  ) as u (series_no, bucket_at,
        calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
        tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
), earlier as (
  update usage_history h
  set
    calls = h.calls + s.calls, failed = h.failed + s.failed, estimated = h.estimated + s.estimated,
    unpriced = h.unpriced + s.unpriced, tokens_input = h.tokens_input + s.tokens_input,
    tokens_output = h.tokens_output + s.tokens_output, tokens_cached = h.tokens_cached + s.tokens_cached,
    tokens_cache_write = h.tokens_cache_write + s.tokens_cache_write,
    tokens_reasoning = h.tokens_reasoning + s.tokens_reasoning, images = h.images + s.images,
    video_seconds = h.video_seconds + s.video_seconds, cost_nanousd = h.cost_nanousd + s.cost_nanousd,
    duration_ms = h.duration_ms + s.duration_ms
  from (
    select p.series_no, p.bucket_at,
      sum(d.calls)::bigint as calls, sum(d.failed)::bigint as failed, sum(d.estimated)::bigint as estimated,
      sum(d.unpriced)::bigint as unpriced, sum(d.tokens_input)::bigint as tokens_input,
      sum(d.tokens_output)::bigint as tokens_output, sum(d.tokens_cached)::bigint as tokens_cached,
      sum(d.tokens_cache_write)::bigint as tokens_cache_write,
      sum(d.tokens_reasoning)::bigint as tokens_reasoning, sum(d.images)::bigint as images,
      sum(d.video_seconds)::bigint as video_seconds, sum(d.cost_nanousd)::bigint as cost_nanousd,
      sum(d.duration_ms)::bigint as duration_ms
    from d
    join usage_history p on p.series_no = any (array[d.series_no]) and p.bucket_at >= d.bucket_at
    group by p.series_no, p.bucket_at
  ) s
  where h.series_no = any (array[s.series_no]) and h.bucket_at = s.bucket_at
)
update usage_totals t
set bucket_at = greatest(t.bucket_at, s.bucket_at),
    calls = t.calls + s.calls, failed = t.failed + s.failed, estimated = t.estimated + s.estimated,
    unpriced = t.unpriced + s.unpriced, tokens_input = t.tokens_input + s.tokens_input,
    tokens_output = t.tokens_output + s.tokens_output, tokens_cached = t.tokens_cached + s.tokens_cached,
    tokens_cache_write = t.tokens_cache_write + s.tokens_cache_write,
    tokens_reasoning = t.tokens_reasoning + s.tokens_reasoning, images = t.images + s.images,
    video_seconds = t.video_seconds + s.video_seconds, cost_nanousd = t.cost_nanousd + s.cost_nanousd,
    duration_ms = t.duration_ms + s.duration_ms
from (
  select d.series_no, max(d.bucket_at) as bucket_at,
    sum(d.calls)::bigint as calls, sum(d.failed)::bigint as failed, sum(d.estimated)::bigint as estimated,
    sum(d.unpriced)::bigint as unpriced, sum(d.tokens_input)::bigint as tokens_input,
    sum(d.tokens_output)::bigint as tokens_output, sum(d.tokens_cached)::bigint as tokens_cached,
    sum(d.tokens_cache_write)::bigint as tokens_cache_write,
    sum(d.tokens_reasoning)::bigint as tokens_reasoning, sum(d.images)::bigint as images,
    sum(d.video_seconds)::bigint as video_seconds, sum(d.cost_nanousd)::bigint as cost_nanousd,
    sum(d.duration_ms)::bigint as duration_ms
  from d
  group by d.series_no
) s
where t.series_no = any (array[s.series_no])
