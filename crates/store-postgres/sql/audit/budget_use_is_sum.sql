-- Differs from SQLite: names, types and functions.
-- What is used and set aside is the sum of the entries, and of those that were folded.
with sums as (
    select budget_id, period_at, owner_id, used, reserved, folded as known from budget_use
    union all
    select budget_id, period_at, owner_id, -used, -reserved, 0 from budget_entries
)
select budget_id as subject, format('used %s and reserved %s differ from its entries', sum(used) - sum(known), sum(reserved)) as detail
from sums
group by budget_id, period_at, owner_id
having sum(used) <> sum(known) or sum(reserved) <> 0
