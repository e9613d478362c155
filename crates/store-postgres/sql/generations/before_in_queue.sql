-- Differs from SQLite: all queues at once; counted no further than asked.
select count(*) as before
from unnest($1::integer[]) as q (id)
cross join lateral (
  select 1 from ready where ready.queue_id = q.id and (ready.sort_key, ready.id) < ($2, $3) limit $4
) r
