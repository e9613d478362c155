-- Differs from SQLite: a whole page at once.
-- Live generations with what a decision about them needs.
select g.id, g.workspace_id, g.accepted_at, g.deadline_at, g.attempt_timeout_us, g.max_attempts, g.attempts_per_model, g.hold, g.metered_per_usd, g.metered_margin,
       g.metered_min, g.cost_max, g.input_bytes, g.recipe, coalesce(n.model, p.model, r.model) as model,
       coalesce(n.attempt, p.attempt, r.attempt) as attempt, coalesce(n.spent, p.spent, r.spent) as spent,
       coalesce(n.row_version, p.row_version, r.row_version) as row_version, coalesce(n.step, p.step, r.step) as operation,
       r.id as ready_id, p.reason,
       p.not_before_at, n.node_id, n.claimed_at, n.attempt_deadline_at, c.id as open_call_id
from unnest($1::uuid[]) as u (id)
join generations g on g.id = any (array[u.id])
left join ready r on r.id = any (array[g.id])
left join parked p on p.id = any (array[g.id])
left join runs n on n.id = any (array[g.id])
left join calls c on c.id = any (array[n.call_id]) and c.outcome is null
where coalesce(n.id, p.id, r.id) is not null
