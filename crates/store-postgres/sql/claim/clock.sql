-- Differs from SQLite: a batch's queues at once, and whether each has something ready, seen at one moment. Nothing is locked.
select u.queue_id,
       coalesce((select virtual_time from clock where queue_id = any (array[u.queue_id])), 0) as own,
       coalesce((select virtual_time from clock where queue_id = 0), 0) as common,
       (select r.id from ready r where r.queue_id = u.queue_id order by r.sort_key, r.id limit 1) is not null as has_ready
from unnest($1::integer[]) as u (queue_id)
