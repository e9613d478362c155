-- Differs from SQLite: all queues at once, in the order of their numbers, so that no two can deadlock. A time that is late
-- enough already is not even locked.
insert into clock (queue_id, virtual_time)
select u.queue_id, u.virtual_time
from unnest($1::integer[], $2::bigint[]) as u (queue_id, virtual_time)
where not exists (
  select from clock c where c.queue_id = any (array[u.queue_id]) and c.virtual_time >= u.virtual_time
)
order by u.queue_id
on conflict (queue_id) do update set virtual_time = excluded.virtual_time
where clock.virtual_time < excluded.virtual_time
