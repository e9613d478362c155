-- Differs from SQLite: names, types and functions.
-- Each cuboid sums to the closed calls and those that were pruned; where none were, each user's kinds of calls do, one by
-- one. What one call adds is bounded as core does it.
with booked as (
    select c.workspace_id, c.user_id, c.service, c.operation, c.model,
           count(*) as calls, count(*) filter (where c.outcome in ('failed', 'lost')) as failed,
           count(*) filter (where c.estimated and c.outcome <> 'not_sent') as estimated,
           count(*) filter (where c.cost_nanousd is null and c.outcome <> 'not_sent') as unpriced,
           sum(least(greatest(coalesce(c.tokens_input, 0), 0), 10000000000000)) as tokens_input,
           sum(least(greatest(coalesce(c.tokens_output, 0), 0), 10000000000000)) as tokens_output,
           sum(least(greatest(coalesce(c.tokens_cached, 0), 0), 10000000000000)) as tokens_cached,
           sum(least(greatest(coalesce(c.tokens_cache_write, 0), 0), 10000000000000)) as tokens_cache_write,
           sum(least(greatest(coalesce(c.tokens_reasoning, 0), 0), 10000000000000)) as tokens_reasoning,
           sum(least(greatest(coalesce(c.images, 0), 0), 10000000000000)) as images,
           sum(least(greatest(coalesce(c.video_seconds, 0), 0), 10000000000000)) as video_seconds,
           sum(least(greatest(coalesce(c.cost_nanousd, 0), 0), 10000000000000)) as cost_nanousd,
           sum(least(greatest(coalesce(c.duration_ms, 0), 0), 10000000000000)) as duration_ms
    from calls c
    where c.closed_at is not null and c.workspace_id > $1 and c.workspace_id <= $2
    group by c.workspace_id, c.user_id, c.service, c.operation, c.model
), whole as (
    select workspace_id,
           sum(calls) as calls, sum(failed) as failed, sum(estimated) as estimated, sum(unpriced) as unpriced,
           sum(tokens_input) as tokens_input, sum(tokens_output) as tokens_output,
           sum(tokens_cached) as tokens_cached, sum(tokens_cache_write) as tokens_cache_write,
           sum(tokens_reasoning) as tokens_reasoning, sum(images) as images,
           sum(video_seconds) as video_seconds, sum(cost_nanousd) as cost_nanousd,
           sum(duration_ms) as duration_ms
    from (
        select b.workspace_id,
           b.calls, b.failed, b.estimated, b.unpriced, b.tokens_input, b.tokens_output, b.tokens_cached,
           b.tokens_cache_write, b.tokens_reasoning, b.images, b.video_seconds, b.cost_nanousd, b.duration_ms
        from booked b
        union all
        select p.workspace_id,
           p.calls, p.failed, p.estimated, p.unpriced, p.tokens_input, p.tokens_output, p.tokens_cached,
           p.tokens_cache_write, p.tokens_reasoning, p.images, p.video_seconds, p.cost_nanousd, p.duration_ms
        from usage_pruned p
        where p.workspace_id > $1 and p.workspace_id <= $2
    ) u
    group by workspace_id
), cuboids (cuboid) as (values (0), (1), (2), (3), (4), (5)),
by_cuboid as (
    select w.workspace_id, k.cuboid,
           w.calls, w.failed, w.estimated, w.unpriced, w.tokens_input, w.tokens_output, w.tokens_cached,
           w.tokens_cache_write, w.tokens_reasoning, w.images, w.video_seconds, w.cost_nanousd, w.duration_ms
    from whole w cross join cuboids k
    union all
    select s.workspace_id, s.cuboid,
           -t.calls, -t.failed, -t.estimated, -t.unpriced, -t.tokens_input, -t.tokens_output, -t.tokens_cached,
           -t.tokens_cache_write, -t.tokens_reasoning, -t.images, -t.video_seconds, -t.cost_nanousd,
           -t.duration_ms
    from usage_series s join usage_totals t on t.series_no = s.no
    where s.workspace_id > $1 and s.workspace_id <= $2
), one_by_one as (
    select b.workspace_id, b.user_id, b.service, b.operation, b.model,
           b.calls, b.failed, b.estimated, b.unpriced, b.tokens_input, b.tokens_output, b.tokens_cached,
           b.tokens_cache_write, b.tokens_reasoning, b.images, b.video_seconds, b.cost_nanousd, b.duration_ms
    from booked b
    union all
    select s.workspace_id, s.user_id, s.service, s.operation, s.model,
           -t.calls, -t.failed, -t.estimated, -t.unpriced, -t.tokens_input, -t.tokens_output, -t.tokens_cached,
           -t.tokens_cache_write, -t.tokens_reasoning, -t.images, -t.video_seconds, -t.cost_nanousd,
           -t.duration_ms
    from usage_series s join usage_totals t on t.series_no = s.no
    where s.cuboid = 5 and s.workspace_id > $1 and s.workspace_id <= $2
)
select d.workspace_id, d.workspace_id as subject, format('%s calls, %s tokens and %s nano-dollars are missing in the totals of %s', sum(d.calls), sum(d.tokens_input + d.tokens_output), sum(d.cost_nanousd), 'cuboid ' || d.cuboid) as detail
from by_cuboid d
group by d.workspace_id, d.cuboid
having
    sum(d.calls) <> 0 or sum(d.failed) <> 0 or sum(d.estimated) <> 0 or sum(d.unpriced) <> 0 or
    sum(d.tokens_input) <> 0 or sum(d.tokens_output) <> 0 or sum(d.tokens_cached) <> 0 or
    sum(d.tokens_cache_write) <> 0 or sum(d.tokens_reasoning) <> 0 or sum(d.images) <> 0 or
    sum(d.video_seconds) <> 0 or sum(d.cost_nanousd) <> 0 or sum(d.duration_ms) <> 0
union all
select d.workspace_id, d.workspace_id, format('%s calls, %s tokens and %s nano-dollars are missing in the totals of %s', sum(d.calls), sum(d.tokens_input + d.tokens_output), sum(d.cost_nanousd), d.service || ' ' || d.operation || ' ' || d.model || ' of one user')
from one_by_one d
where d.workspace_id not in (select workspace_id from usage_pruned)
group by d.workspace_id, d.user_id, d.service, d.operation, d.model
having
    sum(d.calls) <> 0 or sum(d.failed) <> 0 or sum(d.estimated) <> 0 or sum(d.unpriced) <> 0 or
    sum(d.tokens_input) <> 0 or sum(d.tokens_output) <> 0 or sum(d.tokens_cached) <> 0 or
    sum(d.tokens_cache_write) <> 0 or sum(d.tokens_reasoning) <> 0 or sum(d.images) <> 0 or
    sum(d.video_seconds) <> 0 or sum(d.cost_nanousd) <> 0 or sum(d.duration_ms) <> 0
