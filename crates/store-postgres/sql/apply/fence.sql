-- Only here: what `take_run`, `take_ready`, `take_parked` and `facts` do one by one. Deletes what matches its fence ($1-$4
-- processing, $5-$8 pending), adds what a decision needs to know (also whether
-- another process has set budgets) and locks the drafts of the winners, in order.
with run as (
  delete from runs r
  using unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) as f (id, workspace_id, attempt, row_version)
  where r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id and r.attempt = f.attempt
    and r.row_version = f.row_version
  returning r.id, r.workspace_id, r.queue_id, r.sort_key, r.deadline_at, r.model, r.step, r.last_error_code, r.last_error,
            r.spent
), ready_row as (
  delete from ready r
  using unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[]) as f (id, workspace_id, attempt, row_version)
  where r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id and r.attempt = f.attempt
    and r.row_version = f.row_version
  returning r.id, r.workspace_id, r.queue_id, r.sort_key, r.deadline_at, r.model, r.step, r.last_error_code, r.last_error,
            r.spent
), parked_row as (
  delete from parked r
  using unnest($5::uuid[], $6::uuid[], $7::bigint[], $8::bigint[]) as f (id, workspace_id, attempt, row_version)
  where r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id and r.attempt = f.attempt
    and r.row_version = f.row_version
  returning r.id, r.workspace_id, r.queue_id, r.sort_key, r.deadline_at, r.model, r.step, r.last_error_code, r.last_error,
            r.spent
), won as (
  select * from run union all select * from ready_row union all select * from parked_row
)
select won.*, exists (select from budgets) as budgeted, g.draft_id, g.user_id, g.recipe, g.target, g.dedupe_key, g.base_version,
       g.max_attempts, g.attempts_per_model, g.job_id, g.job_seq,
       d.status, d.current_version, d.version_count
from won
join generations g on g.id = any (array[won.id])
join drafts d on d.id = any (array[g.draft_id])
order by d.id
for update of d
