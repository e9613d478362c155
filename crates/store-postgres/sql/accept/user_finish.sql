-- Differs from SQLite: a whole batch at once, as arrays.
select f.queue_id, f.user_id, f.finish
from unnest($1::integer[], $2::uuid[]) as u (queue_id, user_id)
join fair f on f.queue_id = any (array[u.queue_id]) and f.user_id = any (array[u.user_id])
