-- Differs from Postgres: SQLite's names of types and functions.
-- A cumulative figure never falls, and the newest bucket of a series is the one of its total.
WITH values_ AS (
    SELECT series_no, bucket_at,
           calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
           tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
    FROM usage_history
    WHERE series_no > $1 AND series_no <= $2
    UNION ALL
    SELECT series_no, bucket_at,
           calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
           tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
    FROM usage_totals
    WHERE series_no > $1 AND series_no <= $2
), steps_ AS (
    SELECT v.series_no, v.bucket_at,
           v.calls - lag(v.calls) OVER w AS calls, v.failed - lag(v.failed) OVER w AS failed,
           v.estimated - lag(v.estimated) OVER w AS estimated, v.unpriced - lag(v.unpriced) OVER w AS unpriced,
           v.tokens_input - lag(v.tokens_input) OVER w AS tokens_input,
           v.tokens_output - lag(v.tokens_output) OVER w AS tokens_output,
           v.tokens_cached - lag(v.tokens_cached) OVER w AS tokens_cached,
           v.tokens_cache_write - lag(v.tokens_cache_write) OVER w AS tokens_cache_write,
           v.tokens_reasoning - lag(v.tokens_reasoning) OVER w AS tokens_reasoning,
           v.images - lag(v.images) OVER w AS images,
           v.video_seconds - lag(v.video_seconds) OVER w AS video_seconds,
           v.cost_nanousd - lag(v.cost_nanousd) OVER w AS cost_nanousd,
           v.duration_ms - lag(v.duration_ms) OVER w AS duration_ms
    FROM values_ v
    WINDOW w AS (PARTITION BY v.series_no ORDER BY v.bucket_at)
)
SELECT s.workspace_id, d.series_no, printf('it falls at %s', strftime('%Y-%m-%dT%H:%M:%SZ', d.bucket_at / 1000000, 'unixepoch'))
FROM steps_ d
JOIN usage_series s ON s.no = d.series_no
WHERE
   d.calls < 0 OR d.failed < 0 OR d.estimated < 0 OR d.unpriced < 0 OR d.tokens_input < 0 OR
   d.tokens_output < 0 OR d.tokens_cached < 0 OR d.tokens_cache_write < 0 OR d.tokens_reasoning < 0 OR
   d.images < 0 OR d.video_seconds < 0 OR d.cost_nanousd < 0 OR d.duration_ms < 0
UNION ALL
SELECT s.workspace_id, h.series_no, 'its history goes beyond its total'
FROM usage_history h
JOIN usage_totals t ON t.series_no = h.series_no
JOIN usage_series s ON s.no = h.series_no
WHERE h.series_no > $1 AND h.series_no <= $2 AND h.bucket_at >= t.bucket_at
