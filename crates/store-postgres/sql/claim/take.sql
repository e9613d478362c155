-- Only here: what `delete_ready`, `facts`, `insert_run`, `insert_call` and `move_draft` do one by one.
with taken as (
  delete from ready r
  using unnest($1::uuid[], $2::uuid[]) as u (id, call_id)
  where r.id = any (array[u.id])
  returning r.*, u.call_id
), fact as (
  select t.*, g.draft_id, g.user_id, g.recipe, g.recipe_version, g.accepted_at, g.attempt_timeout_us,
         g.max_attempts, g.attempts_per_model, g.hold, g.metered_per_usd, g.metered_margin, g.metered_min,
         g.cost_max, g.params,
         least($4::timestamptz + least(g.attempt_timeout_us, 3155760000000000) * interval '1 microsecond', t.deadline_at)
           as attempt_deadline_at
  from taken t
  join generations g on g.id = any (array[t.id])
), run as (
  insert into runs (
    id, workspace_id, queue_id, sort_key, attempt, spent, row_version, deadline_at, model, step, node_id,
    claimed_at, attempt_deadline_at, call_id, last_error_code, last_error
  )
  select id, workspace_id, queue_id, sort_key, attempt + 1, spent, row_version + 1, deadline_at, model, step, $3,
         $4, attempt_deadline_at, call_id, last_error_code, last_error
  from fact
), call as (
  insert into calls (
    id, workspace_id, user_id, draft_id, generation_id, attempt, service, operation, provider, model, opened_at
  )
  select call_id, workspace_id, user_id, draft_id, id, attempt + 1, recipe, step, split_part(model, '/', 1), model, $4
  from fact
), draft as (
  update drafts d
  set status = $5, updated_at = $4, revision = d.revision + 1
  from fact f
  where d.id = any (array[f.draft_id]) and d.current_version = 0
)
select f.id, f.workspace_id, f.attempt + 1 as attempt, f.spent, f.row_version + 1 as row_version, f.deadline_at,
       f.model, f.draft_id, f.user_id, f.recipe, f.recipe_version, f.accepted_at, f.attempt_timeout_us,
       f.max_attempts, f.attempts_per_model, f.hold, f.metered_per_usd, f.metered_margin, f.metered_min, f.cost_max, f.params,
       f.attempt_deadline_at, f.sort_key, f.call_id, i.input
from fact f
join inputs i on i.generation_id = any (array[f.id])
