-- Differs from SQLite: names, types and functions.
-- What an entry counts, with what came before it, is what the generation's closed calls used; what has ended sets nothing
-- aside. What one call adds is bounded as core does it.
select s.workspace_id, s.generation_id as subject, format('%s and %s before are not the %s its calls used, %s set aside', s.used, s.used_before, s.came_to, s.reserved) as detail
from (
    select b.workspace_id, e.generation_id, e.used, e.used_before, e.reserved,
           exists (select 1 from outcomes o where o.id = e.generation_id) as ended,
           coalesce((
               select sum(case b.measure
                   when 'cost' then least(greatest(coalesce(c.cost_nanousd, 0), 0), 10000000000000)
                   else least(greatest(coalesce(c.tokens_input, 0), 0), 10000000000000)
                       + least(greatest(coalesce(c.tokens_output, 0), 0), 10000000000000) end)
               from calls c
               where c.generation_id = e.generation_id and c.closed_at is not null), 0) as came_to
    from budget_entries e
    join budgets b on b.id = e.budget_id
    where e.generation_id > $1 and e.generation_id <= $2
) s
where s.used + s.used_before <> s.came_to or (s.ended and s.reserved <> 0)
