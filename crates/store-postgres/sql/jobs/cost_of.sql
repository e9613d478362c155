-- Differs from SQLite: a whole batch at once.
select c.generation_id, coalesce(sum(c.cost_nanousd), 0)::bigint as cost,
       count(*) filter (where c.cost_nanousd is null and c.outcome <> $1) as unpriced
from unnest($2::uuid[]) as u (id)
join calls c on c.generation_id = any (array[u.id])
where c.closed_at is not null
group by c.generation_id
