-- Differs from Postgres: one at a time.
INSERT INTO budget_use (budget_id, period_at, owner_id, used, reserved, folded, warned)
VALUES ($1, $2, $3, $4, $5, 0, $6)
ON CONFLICT (budget_id, period_at, owner_id) DO UPDATE SET
    used = excluded.used,
    reserved = excluded.reserved,
    warned = excluded.warned
