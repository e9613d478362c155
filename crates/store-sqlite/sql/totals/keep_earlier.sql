-- Only here: part of `keep` there.
-- Something is to be counted in a bucket that is over, and in which nothing else was: what there was at its beginning.
INSERT INTO usage_history (series_no, bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
SELECT $1, $2,
    coalesce(h.calls, 0), coalesce(h.failed, 0), coalesce(h.estimated, 0), coalesce(h.unpriced, 0),
    coalesce(h.tokens_input, 0), coalesce(h.tokens_output, 0), coalesce(h.tokens_cached, 0),
    coalesce(h.tokens_cache_write, 0), coalesce(h.tokens_reasoning, 0), coalesce(h.images, 0),
    coalesce(h.video_seconds, 0), coalesce(h.cost_nanousd, 0), coalesce(h.duration_ms, 0)
FROM (SELECT 1)
LEFT JOIN usage_history h ON h.series_no = $1
    AND h.bucket_at = (SELECT max(bucket_at) FROM usage_history WHERE series_no = $1 AND bucket_at <= $2)
WHERE true
ON CONFLICT DO NOTHING
