-- Differs from SQLite: all series of all groups and all cuts at once, and the totals with them, whose `cut` is null. Nothing is
-- summed here: sums of bigint are numeric, which costs more than the seeks.
with m as materialized (
  select u.place, t.*
  from unnest($1::bigint[], $2::bigint[]) as u (series_no, place)
  join usage_totals t on t.series_no = any (array[u.series_no])
)
select m.place, null::bigint as cut, m.bucket_at,
       m.calls, m.failed, m.estimated, m.unpriced, m.tokens_input,
       m.tokens_output, m.tokens_cached, m.tokens_cache_write, m.tokens_reasoning,
       m.images, m.video_seconds, m.cost_nanousd, m.duration_ms
from m
union all
select m.place, c.cut, h.bucket_at,
       h.calls, h.failed, h.estimated, h.unpriced, h.tokens_input,
       h.tokens_output, h.tokens_cached, h.tokens_cache_write, h.tokens_reasoning,
       h.images, h.video_seconds, h.cost_nanousd, h.duration_ms
from m
join unnest($3::timestamptz[]) with ordinality as c (at, cut) on c.at <= m.bucket_at
cross join lateral (
  select *
  from usage_history p
  where p.series_no = m.series_no and p.bucket_at < c.at
  order by p.bucket_at desc
  limit 1
) h
