-- Differs from Postgres: one writer, so one row at a time costs no round trip.
-- A new bucket begins: what there was at the end of the last one is kept. A series without calls has no past.
INSERT INTO usage_history (series_no, bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
SELECT series_no, bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms
FROM usage_totals
WHERE series_no = $1 AND calls > 0
