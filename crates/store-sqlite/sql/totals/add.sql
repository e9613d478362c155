-- Differs from Postgres: one writer, so one row at a time costs no round trip.
-- Zero rows: the bucket is another one.
UPDATE usage_totals
SET bucket_at = $1,
    calls = calls + $2, failed = failed + $3, estimated = estimated + $4, unpriced = unpriced + $5,
    tokens_input = tokens_input + $6, tokens_output = tokens_output + $7, tokens_cached = tokens_cached + $8,
    tokens_cache_write = tokens_cache_write + $9, tokens_reasoning = tokens_reasoning + $10,
    images = images + $11, video_seconds = video_seconds + $12, cost_nanousd = cost_nanousd + $13,
    duration_ms = duration_ms + $14
WHERE series_no = $15 AND bucket_at = $16
