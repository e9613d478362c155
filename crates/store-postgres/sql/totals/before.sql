-- Differs from SQLite: all series of all groups and all cuts at once.
select m.place, c.cut,
       sum(case when t.bucket_at < c.at then t.calls else h.calls end)::bigint as calls,
       sum(case when t.bucket_at < c.at then t.failed else h.failed end)::bigint as failed,
       sum(case when t.bucket_at < c.at then t.estimated else h.estimated end)::bigint as estimated,
       sum(case when t.bucket_at < c.at then t.unpriced else h.unpriced end)::bigint as unpriced,
       sum(case when t.bucket_at < c.at then t.tokens_input else h.tokens_input end)::bigint as tokens_input,
       sum(case when t.bucket_at < c.at then t.tokens_output else h.tokens_output end)::bigint as tokens_output,
       sum(case when t.bucket_at < c.at then t.tokens_cached else h.tokens_cached end)::bigint as tokens_cached,
       sum(case when t.bucket_at < c.at then t.tokens_cache_write else h.tokens_cache_write end)::bigint as tokens_cache_write,
       sum(case when t.bucket_at < c.at then t.tokens_reasoning else h.tokens_reasoning end)::bigint as tokens_reasoning,
       sum(case when t.bucket_at < c.at then t.images else h.images end)::bigint as images,
       sum(case when t.bucket_at < c.at then t.video_seconds else h.video_seconds end)::bigint as video_seconds,
       sum(case when t.bucket_at < c.at then t.cost_nanousd else h.cost_nanousd end)::bigint as cost_nanousd,
       sum(case when t.bucket_at < c.at then t.duration_ms else h.duration_ms end)::bigint as duration_ms
from unnest($1::bigint[], $2::bigint[]) as m (series_no, place)
join usage_totals t on t.series_no = any (array[m.series_no])
cross join unnest($3::timestamptz[]) with ordinality as c (at, cut)
left join lateral (
  select *
  from usage_history p
  where p.series_no = m.series_no and p.bucket_at < c.at and t.bucket_at >= c.at
  order by p.bucket_at desc
  limit 1
) h on true
where t.bucket_at < c.at or h.series_no is not null
group by m.place, c.cut
