-- Differs from Postgres: one at a time.
INSERT INTO budget_entries (generation_id, budget_id, period_at, owner_id, used, reserved, used_before)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (generation_id, budget_id) DO UPDATE SET
    used = excluded.used,
    reserved = excluded.reserved,
    used_before = excluded.used_before
