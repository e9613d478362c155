-- Differs from Postgres: SQLite's names of types and functions.
-- What is used and set aside is the sum of the entries, and of those that were folded.
WITH sums AS (
    SELECT budget_id, period_at, owner_id, used, reserved, folded AS known FROM budget_use
    UNION ALL
    SELECT budget_id, period_at, owner_id, -used, -reserved, 0 FROM budget_entries
)
SELECT b.workspace_id, b.workspace_id,
       printf('budget %s: used %d and reserved %d differ from its entries', lower(hex(b.id)), sum(s.used) - sum(s.known), sum(s.reserved))
FROM sums s
JOIN budgets b ON b.id = s.budget_id
WHERE b.workspace_id > $1 AND b.workspace_id <= $2
GROUP BY b.workspace_id, b.id, s.period_at, s.owner_id
HAVING sum(s.used) <> sum(s.known) OR sum(s.reserved) <> 0
