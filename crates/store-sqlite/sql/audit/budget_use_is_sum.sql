-- Differs from Postgres: SQLite's names of types and functions.
-- What is used and set aside is the sum of the entries, and of those that were folded.
WITH sums AS (
    SELECT budget_id, period_at, owner_id, used, reserved, folded AS known FROM budget_use
    UNION ALL
    SELECT budget_id, period_at, owner_id, -used, -reserved, 0 FROM budget_entries
)
SELECT budget_id, printf('used %d and reserved %d differ from its entries', sum(used) - sum(known), sum(reserved))
FROM sums
GROUP BY budget_id, period_at, owner_id
HAVING sum(used) <> sum(known) OR sum(reserved) <> 0
