-- Only here: part of `take` there.
SELECT g.draft_id, g.user_id, g.recipe, g.recipe_version, g.accepted_at, g.deadline_at, g.attempt_timeout_us,
       g.max_attempts, g.attempts_per_model, g.hold, g.metered_per_usd, g.metered_margin, g.metered_min, g.cost_max,
       g.params, i.input
FROM generations g
JOIN inputs i ON i.generation_id = g.id
WHERE g.id = $1
