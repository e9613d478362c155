-- Differs from SQLite: a whole batch at once, locked in one order.
select e.generation_id, e.budget_id, e.period_at, e.owner_id, e.used, e.reserved, e.used_before
from budget_entries e
where e.generation_id = any ($1::uuid[])
order by e.generation_id, e.budget_id
for update of e
