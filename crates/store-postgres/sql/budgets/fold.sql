-- Differs from SQLite: a whole batch at once, and the entries go in the same statement.
-- From now on only the sums know these generations.
with gone as (
  delete from budget_entries where generation_id = any ($1::uuid[])
  returning budget_id, period_at, owner_id, used
), sums as (
  select budget_id, period_at, owner_id, sum(used)::bigint as used from gone group by budget_id, period_at, owner_id
)
update budget_use u set folded = u.folded + s.used
from sums s
where u.budget_id = any (array[s.budget_id]) and u.period_at = any (array[s.period_at])
  and u.owner_id = any (array[s.owner_id])
