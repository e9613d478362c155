-- Differs from Postgres: one series and one cut at a time, since a statement costs no round trip.
SELECT bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
FROM usage_history
WHERE series_no = $1 AND bucket_at < $2
ORDER BY bucket_at DESC
LIMIT 1
