-- Differs from Postgres: spelling only.
INSERT INTO usage_pruned (workspace_id,
    calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
    tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (workspace_id) DO UPDATE
SET
    calls = calls + excluded.calls, failed = failed + excluded.failed,
    estimated = estimated + excluded.estimated, unpriced = unpriced + excluded.unpriced,
    tokens_input = tokens_input + excluded.tokens_input, tokens_output = tokens_output + excluded.tokens_output,
    tokens_cached = tokens_cached + excluded.tokens_cached,
    tokens_cache_write = tokens_cache_write + excluded.tokens_cache_write,
    tokens_reasoning = tokens_reasoning + excluded.tokens_reasoning, images = images + excluded.images,
    video_seconds = video_seconds + excluded.video_seconds, cost_nanousd = cost_nanousd + excluded.cost_nanousd,
    duration_ms = duration_ms + excluded.duration_ms
