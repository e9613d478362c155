-- Differs from Postgres: one writer, and no array types.
-- One live generation with what a decision about it needs.
SELECT g.workspace_id AS workspace_id, g.accepted_at AS accepted_at, g.deadline_at AS deadline_at,
       g.attempt_timeout_us AS attempt_timeout_us, g.max_attempts AS max_attempts, g.attempts_per_model AS attempts_per_model, g.hold AS hold, g.metered_per_usd AS metered_per_usd, g.metered_margin AS metered_margin,
       g.metered_min AS metered_min, g.cost_max AS cost_max,
       g.input_bytes AS input_bytes, g.recipe AS recipe,
       coalesce(r.model, p.model, u.model) AS model,
       coalesce(r.attempt, p.attempt, u.attempt) AS attempt,
       coalesce(r.spent, p.spent, u.spent) AS spent,
       coalesce(r.row_version, p.row_version, u.row_version) AS row_version,
       coalesce(r.step, p.step, u.step) AS operation,
       r.id AS ready_id,
       p.reason AS reason, p.not_before_at AS not_before_at,
       u.node_id AS node_id, u.claimed_at AS claimed_at, u.attempt_deadline_at AS attempt_deadline_at,
       c.id AS open_call_id
FROM generations g
LEFT JOIN ready r ON r.id = g.id
LEFT JOIN parked p ON p.id = g.id
LEFT JOIN runs u ON u.id = g.id
LEFT JOIN calls c ON c.workspace_id = u.workspace_id AND c.id = u.call_id AND c.closed_at IS NULL
WHERE g.id = $1 AND coalesce(r.id, p.id, u.id) IS NOT NULL
