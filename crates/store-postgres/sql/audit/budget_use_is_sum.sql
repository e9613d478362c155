-- Differs from SQLite: names, types and functions.
-- What is used and set aside is the sum of the entries, and of those that were folded.
with sums as (
    select budget_id, period_at, owner_id, used, reserved, folded as known from budget_use
    union all
    select budget_id, period_at, owner_id, -used, -reserved, 0 from budget_entries
)
select b.workspace_id, b.workspace_id as subject,
       format('budget %s: used %s and reserved %s differ from its entries', b.id, sum(s.used) - sum(s.known), sum(s.reserved)) as detail
from sums s
join budgets b on b.id = s.budget_id
where b.workspace_id > $1 and b.workspace_id <= $2
group by b.workspace_id, b.id, s.period_at, s.owner_id
having sum(s.used) <> sum(s.known) or sum(s.reserved) <> 0
