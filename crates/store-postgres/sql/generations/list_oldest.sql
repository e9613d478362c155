-- Differs from SQLite: planned for the values at hand, so one statement serves with and without filters.
-- $3 is a final status, $4 asks for processing ones, $5 for pending ones.
select g.id, g.workspace_id, g.draft_id, g.user_id, coalesce(u.external_id, '') as user_external, g.key_id, g.recipe,
       g.recipe_version,
       coalesce(n.model, p.model, r.model,
                (select c.model from calls c where c.generation_id = any (array[g.id]) and c.attempt = o.attempt
                 order by c.id limit 1),
                g.model) as model, g.model as asked_model, '' as input, i.filled,
       coalesce(i.metadata, '') as metadata, g.target, g.dedupe_key, g.job_id, g.job_seq, g.priority, g.accepted_at, g.deadline_at,
       g.attempt_timeout_us, g.max_attempts, g.attempts_per_model, g.hold, g.metered_per_usd, g.metered_margin,
       g.metered_min, g.cost_max, g.params,
       coalesce(o.attempt, n.attempt, p.attempt, r.attempt) as attempt,
       coalesce(o.spent, n.spent, p.spent, r.spent) as spent,
       coalesce(o.row_version, n.row_version, p.row_version, r.row_version) as row_version,
       r.id as ready_id, p.reason, p.not_before_at, n.node_id, n.claimed_at, n.attempt_deadline_at,
       coalesce(n.claimed_at, o.started_at) as started_at, o.status as final_status, o.finished_at, o.settled, o.version, o.origin, o.error_code, o.error, o.error_detail,
       coalesce(o.error_code, n.last_error_code, p.last_error_code, r.last_error_code) as last_error_code,
       coalesce(o.error, n.last_error, p.last_error, r.last_error) as last_error
from generations g
left join users u on u.workspace_id = g.workspace_id and u.id = g.user_id
left join inputs i on i.generation_id = g.id
left join outcomes o on o.id = g.id and o.workspace_id = g.workspace_id
left join runs n on n.id = g.id and n.workspace_id = g.workspace_id
left join parked p on p.id = g.id and p.workspace_id = g.workspace_id
left join ready r on r.id = g.id and r.workspace_id = g.workspace_id
where g.workspace_id = $1 and g.id > $2
  and ($3::text is null or o.status = $3)
  and (not $4::boolean or n.id is not null)
  and (not $5::boolean or coalesce(r.id, p.id) is not null)
  and ($6::uuid is null or g.user_id = $6)
  and ($7::uuid is null or g.draft_id = $7)
  and ($8::text is null or g.recipe = $8)
  and ($9::uuid is null or g.job_id = $9)
order by g.id asc
limit $10
