-- Differs from Postgres: one at a time, and one writer, so nothing is locked.
SELECT budget_id, period_at, owner_id, used, reserved, used_before
FROM budget_entries
WHERE generation_id = $1
