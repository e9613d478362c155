-- Only here: part of `before` there.
SELECT bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
FROM usage_totals
WHERE series_no = $1
