-- Differs from SQLite: names, types and functions.
-- A cumulative figure never falls, and the newest bucket of a series is the one of its total.
with values_ as (
    select series_no, bucket_at,
           calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
           tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
    from usage_history
    where series_no > $1 and series_no <= $2
    union all
    select series_no, bucket_at,
           calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
           tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
    from usage_totals
    where series_no > $1 and series_no <= $2
), steps_ as (
    select v.series_no, v.bucket_at,
           v.calls - lag(v.calls) over w as calls, v.failed - lag(v.failed) over w as failed,
           v.estimated - lag(v.estimated) over w as estimated, v.unpriced - lag(v.unpriced) over w as unpriced,
           v.tokens_input - lag(v.tokens_input) over w as tokens_input,
           v.tokens_output - lag(v.tokens_output) over w as tokens_output,
           v.tokens_cached - lag(v.tokens_cached) over w as tokens_cached,
           v.tokens_cache_write - lag(v.tokens_cache_write) over w as tokens_cache_write,
           v.tokens_reasoning - lag(v.tokens_reasoning) over w as tokens_reasoning,
           v.images - lag(v.images) over w as images,
           v.video_seconds - lag(v.video_seconds) over w as video_seconds,
           v.cost_nanousd - lag(v.cost_nanousd) over w as cost_nanousd,
           v.duration_ms - lag(v.duration_ms) over w as duration_ms
    from values_ v
    window w as (partition by v.series_no order by v.bucket_at)
)
select s.workspace_id, d.series_no as subject, format('it falls at %s', d.bucket_at) as detail
from steps_ d
join usage_series s on s.no = d.series_no
where
   d.calls < 0 or d.failed < 0 or d.estimated < 0 or d.unpriced < 0 or d.tokens_input < 0 or
   d.tokens_output < 0 or d.tokens_cached < 0 or d.tokens_cache_write < 0 or d.tokens_reasoning < 0 or
   d.images < 0 or d.video_seconds < 0 or d.cost_nanousd < 0 or d.duration_ms < 0
union all
select s.workspace_id, h.series_no, 'its history goes beyond its total'
from usage_history h
join usage_totals t on t.series_no = h.series_no
join usage_series s on s.no = h.series_no
where h.series_no > $1 and h.series_no <= $2 and h.bucket_at >= t.bucket_at
