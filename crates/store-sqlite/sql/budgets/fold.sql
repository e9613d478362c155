-- Differs from Postgres: one at a time.
-- From now on only the sum knows the generation.
UPDATE budget_use AS u SET folded = u.folded + e.used
FROM budget_entries e
WHERE e.generation_id = $1 AND u.budget_id = e.budget_id AND u.period_at = e.period_at AND u.owner_id = e.owner_id
