-- Differs from SQLite: all of a node at once, as arrays.
select r.id, r.attempt
from unnest($1::uuid[], $2::bigint[]) as u (id, attempt)
join runs r on r.id = any (array[u.id]) and r.attempt = u.attempt
