-- Differs from Postgres: SQLite's names of types and functions.
-- Each cuboid sums to the closed calls and those that were pruned; where none were, each user's kinds of calls do, one by
-- one. What one call adds is bounded as core does it.
WITH booked AS (
    SELECT c.workspace_id, c.user_id, c.service, c.operation, c.model,
           count(*) AS calls, sum(c.outcome IN ('failed', 'lost')) AS failed,
           sum(c.estimated = 1 AND c.outcome <> 'not_sent') AS estimated,
           sum(c.cost_nanousd IS NULL AND c.outcome <> 'not_sent') AS unpriced,
           sum(min(max(coalesce(c.tokens_input, 0), 0), 10000000000000)) AS tokens_input,
           sum(min(max(coalesce(c.tokens_output, 0), 0), 10000000000000)) AS tokens_output,
           sum(min(max(coalesce(c.tokens_cached, 0), 0), 10000000000000)) AS tokens_cached,
           sum(min(max(coalesce(c.tokens_cache_write, 0), 0), 10000000000000)) AS tokens_cache_write,
           sum(min(max(coalesce(c.tokens_reasoning, 0), 0), 10000000000000)) AS tokens_reasoning,
           sum(min(max(coalesce(c.images, 0), 0), 10000000000000)) AS images,
           sum(min(max(coalesce(c.video_seconds, 0), 0), 10000000000000)) AS video_seconds,
           sum(min(max(coalesce(c.cost_nanousd, 0), 0), 10000000000000)) AS cost_nanousd,
           sum(min(max(coalesce(c.duration_ms, 0), 0), 10000000000000)) AS duration_ms
    FROM calls c
    WHERE c.closed_at IS NOT NULL AND c.workspace_id > $1 AND c.workspace_id <= $2
    GROUP BY c.workspace_id, c.user_id, c.service, c.operation, c.model
), whole AS (
    SELECT workspace_id,
           sum(calls) AS calls, sum(failed) AS failed, sum(estimated) AS estimated, sum(unpriced) AS unpriced,
           sum(tokens_input) AS tokens_input, sum(tokens_output) AS tokens_output,
           sum(tokens_cached) AS tokens_cached, sum(tokens_cache_write) AS tokens_cache_write,
           sum(tokens_reasoning) AS tokens_reasoning, sum(images) AS images,
           sum(video_seconds) AS video_seconds, sum(cost_nanousd) AS cost_nanousd,
           sum(duration_ms) AS duration_ms
    FROM (
        SELECT b.workspace_id,
           b.calls, b.failed, b.estimated, b.unpriced, b.tokens_input, b.tokens_output, b.tokens_cached,
           b.tokens_cache_write, b.tokens_reasoning, b.images, b.video_seconds, b.cost_nanousd, b.duration_ms
        FROM booked b
        UNION ALL
        SELECT p.workspace_id,
           p.calls, p.failed, p.estimated, p.unpriced, p.tokens_input, p.tokens_output, p.tokens_cached,
           p.tokens_cache_write, p.tokens_reasoning, p.images, p.video_seconds, p.cost_nanousd, p.duration_ms
        FROM usage_pruned p
        WHERE p.workspace_id > $1 AND p.workspace_id <= $2
    ) u
    GROUP BY workspace_id
), cuboids (cuboid) AS (VALUES (0), (1), (2), (3), (4), (5)),
by_cuboid AS (
    SELECT w.workspace_id, k.cuboid,
           w.calls, w.failed, w.estimated, w.unpriced, w.tokens_input, w.tokens_output, w.tokens_cached,
           w.tokens_cache_write, w.tokens_reasoning, w.images, w.video_seconds, w.cost_nanousd, w.duration_ms
    FROM whole w CROSS JOIN cuboids k
    UNION ALL
    SELECT s.workspace_id, s.cuboid,
           -t.calls, -t.failed, -t.estimated, -t.unpriced, -t.tokens_input, -t.tokens_output, -t.tokens_cached,
           -t.tokens_cache_write, -t.tokens_reasoning, -t.images, -t.video_seconds, -t.cost_nanousd,
           -t.duration_ms
    FROM usage_series s JOIN usage_totals t ON t.series_no = s.no
    WHERE s.workspace_id > $1 AND s.workspace_id <= $2
), one_by_one AS (
    SELECT b.workspace_id, b.user_id, b.service, b.operation, b.model,
           b.calls, b.failed, b.estimated, b.unpriced, b.tokens_input, b.tokens_output, b.tokens_cached,
           b.tokens_cache_write, b.tokens_reasoning, b.images, b.video_seconds, b.cost_nanousd, b.duration_ms
    FROM booked b
    UNION ALL
    SELECT s.workspace_id, s.user_id, s.service, s.operation, s.model,
           -t.calls, -t.failed, -t.estimated, -t.unpriced, -t.tokens_input, -t.tokens_output, -t.tokens_cached,
           -t.tokens_cache_write, -t.tokens_reasoning, -t.images, -t.video_seconds, -t.cost_nanousd,
           -t.duration_ms
    FROM usage_series s JOIN usage_totals t ON t.series_no = s.no
    WHERE s.cuboid = 5 AND s.workspace_id > $1 AND s.workspace_id <= $2
)
SELECT d.workspace_id, d.workspace_id, printf('%d calls, %d tokens and %d nano-dollars are missing in the totals of %s', sum(d.calls), sum(d.tokens_input + d.tokens_output), sum(d.cost_nanousd), 'cuboid ' || d.cuboid)
FROM by_cuboid d
GROUP BY d.workspace_id, d.cuboid
HAVING
    sum(d.calls) <> 0 OR sum(d.failed) <> 0 OR sum(d.estimated) <> 0 OR sum(d.unpriced) <> 0 OR
    sum(d.tokens_input) <> 0 OR sum(d.tokens_output) <> 0 OR sum(d.tokens_cached) <> 0 OR
    sum(d.tokens_cache_write) <> 0 OR sum(d.tokens_reasoning) <> 0 OR sum(d.images) <> 0 OR
    sum(d.video_seconds) <> 0 OR sum(d.cost_nanousd) <> 0 OR sum(d.duration_ms) <> 0
UNION ALL
SELECT d.workspace_id, d.workspace_id, printf('%d calls, %d tokens and %d nano-dollars are missing in the totals of %s', sum(d.calls), sum(d.tokens_input + d.tokens_output), sum(d.cost_nanousd), d.service || ' ' || d.operation || ' ' || d.model || ' of one user')
FROM one_by_one d
WHERE d.workspace_id NOT IN (SELECT workspace_id FROM usage_pruned)
GROUP BY d.workspace_id, d.user_id, d.service, d.operation, d.model
HAVING
    sum(d.calls) <> 0 OR sum(d.failed) <> 0 OR sum(d.estimated) <> 0 OR sum(d.unpriced) <> 0 OR
    sum(d.tokens_input) <> 0 OR sum(d.tokens_output) <> 0 OR sum(d.tokens_cached) <> 0 OR
    sum(d.tokens_cache_write) <> 0 OR sum(d.tokens_reasoning) <> 0 OR sum(d.images) <> 0 OR
    sum(d.video_seconds) <> 0 OR sum(d.cost_nanousd) <> 0 OR sum(d.duration_ms) <> 0
