-- Only here: part of `fold` there.
DELETE FROM budget_entries WHERE generation_id = $1
