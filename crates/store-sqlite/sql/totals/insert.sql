-- Only here: part of `insert_series` there. Nothing yet, since ever.
INSERT INTO usage_totals (series_no, bucket_at,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
VALUES ($1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
