-- Differs from SQLite: a whole batch at once, as arrays. The totals are locked.
-- `any (array[..])`: one seek for each series; `any ($1)` beside a join compares every series with all of $1.
-- Where a new bucket begins, what there was at the end of the last one is kept; a series without calls has no past. Where
-- something is to be counted in a bucket that is over, and in which nothing else was, what there was at its beginning.
with d as (
  select u.series_no, u.bucket_at, max(u.bucket_at) over (partition by u.series_no) as newest_at
  from unnest($1::bigint[], $2::timestamptz[]) as u (series_no, bucket_at)
)
insert into usage_history (series_no, bucket_at,
  calls, failed, estimated, unpriced, tokens_input, tokens_output, tokens_cached, tokens_cache_write,
  tokens_reasoning, images, video_seconds, cost_nanousd, duration_ms)
select t.series_no, t.bucket_at,
  t.calls, t.failed, t.estimated, t.unpriced, t.tokens_input, t.tokens_output, t.tokens_cached,
  t.tokens_cache_write, t.tokens_reasoning, t.images, t.video_seconds, t.cost_nanousd, t.duration_ms
from d
join usage_totals t on t.series_no = any (array[d.series_no])
where d.bucket_at = d.newest_at and t.bucket_at < d.newest_at and t.calls > 0
union all
select d.series_no, d.bucket_at,
  case when d.bucket_at > t.bucket_at then t.calls else coalesce(h.calls, 0) end,
  case when d.bucket_at > t.bucket_at then t.failed else coalesce(h.failed, 0) end,
  case when d.bucket_at > t.bucket_at then t.estimated else coalesce(h.estimated, 0) end,
  case when d.bucket_at > t.bucket_at then t.unpriced else coalesce(h.unpriced, 0) end,
  case when d.bucket_at > t.bucket_at then t.tokens_input else coalesce(h.tokens_input, 0) end,
  case when d.bucket_at > t.bucket_at then t.tokens_output else coalesce(h.tokens_output, 0) end,
  case when d.bucket_at > t.bucket_at then t.tokens_cached else coalesce(h.tokens_cached, 0) end,
  case when d.bucket_at > t.bucket_at then t.tokens_cache_write else coalesce(h.tokens_cache_write, 0) end,
  case when d.bucket_at > t.bucket_at then t.tokens_reasoning else coalesce(h.tokens_reasoning, 0) end,
  case when d.bucket_at > t.bucket_at then t.images else coalesce(h.images, 0) end,
  case when d.bucket_at > t.bucket_at then t.video_seconds else coalesce(h.video_seconds, 0) end,
  case when d.bucket_at > t.bucket_at then t.cost_nanousd else coalesce(h.cost_nanousd, 0) end,
  case when d.bucket_at > t.bucket_at then t.duration_ms else coalesce(h.duration_ms, 0) end
from d
join usage_totals t on t.series_no = any (array[d.series_no])
left join lateral (
  select *
  from usage_history p
  where p.series_no = d.series_no and p.bucket_at <= d.bucket_at and d.bucket_at < t.bucket_at
  order by p.bucket_at desc
  limit 1
) h on true
where d.bucket_at <> t.bucket_at and d.bucket_at < greatest(t.bucket_at, d.newest_at)
on conflict (series_no, bucket_at) do nothing
