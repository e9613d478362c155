-- Differs from SQLite: a whole batch at once, as arrays.
select s.generation_id, s.name, s.output, s.cost_nanousd
from unnest($1::uuid[]) as u (id)
join steps s on s.generation_id = any (array[u.id])
order by s.generation_id, s.seq
