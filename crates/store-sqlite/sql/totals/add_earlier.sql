-- Only here: part of `add` there.
-- From a bucket that is over on.
UPDATE usage_history
SET
    calls = calls + $1, failed = failed + $2, estimated = estimated + $3, unpriced = unpriced + $4,
    tokens_input = tokens_input + $5, tokens_output = tokens_output + $6, tokens_cached = tokens_cached + $7,
    tokens_cache_write = tokens_cache_write + $8, tokens_reasoning = tokens_reasoning + $9,
    images = images + $10, video_seconds = video_seconds + $11, cost_nanousd = cost_nanousd + $12,
    duration_ms = duration_ms + $13
WHERE series_no = $14 AND bucket_at >= $15
