-- Differs from SQLite: a whole batch at once, locked in one order.
select b.budget_id, b.period_at, b.owner_id, b.used, b.reserved, b.warned
from unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) as u (budget_id, period_at, owner_id)
join budget_use b on b.budget_id = any (array[u.budget_id]) and b.period_at = any (array[u.period_at])
  and b.owner_id = any (array[u.owner_id])
order by b.budget_id, b.period_at, b.owner_id
for update of b
