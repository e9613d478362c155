-- Differs from SQLite: the head of every queue that has room, locked; what somebody else is moving is passed over.
select r.queue_id, r.sort_key, r.id
from unnest($1::integer[], $2::bigint[]) as q (id, most)
cross join lateral (
  select queue_id, sort_key, ready.id
  from ready
  where ready.queue_id = q.id
  order by sort_key, ready.id
  limit q.most
  for update skip locked
) r
