-- Differs from SQLite: a whole batch at once.
-- The other closed calls of each call's generation.
select u.call_id, c.tokens_input, c.tokens_output, c.cost_nanousd
from unnest($1::uuid[], $2::uuid[]) as u (generation_id, call_id)
join calls c on c.generation_id = any (array[u.generation_id]) and c.id <> u.call_id
where c.closed_at is not null
