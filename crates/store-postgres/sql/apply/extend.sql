-- Only here: what `extend_ready`, `extend_parked`, `extend_run` and `extend_facts` do one by one. The rows stay where they
-- are, so whoever waits for one of them (a claim, the end of the one before it in line for a target) finds it again.
with f as (
  select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::boolean[], $6::timestamptz[])
    as u (id, workspace_id, attempt, row_version, runs, deadline_at)
), run as (
  update runs r set deadline_at = f.deadline_at, row_version = r.row_version + 1
  from f
  where f.runs and r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id
    and r.attempt = f.attempt and r.row_version = f.row_version
  returning r.id, r.deadline_at
), ready_row as (
  update ready r set deadline_at = f.deadline_at, row_version = r.row_version + 1
  from f
  where not f.runs and r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id
    and r.attempt = f.attempt and r.row_version = f.row_version
  returning r.id, r.deadline_at
), parked_row as (
  update parked r set deadline_at = f.deadline_at, row_version = r.row_version + 1
  from f
  where not f.runs and r.id = any (array[f.id]) and r.workspace_id is not distinct from f.workspace_id
    and r.attempt = f.attempt and r.row_version = f.row_version
  returning r.id, r.deadline_at
), won as (
  select * from run union all select * from ready_row union all select * from parked_row
)
update generations g set deadline_at = won.deadline_at
from won
where g.id = any (array[won.id])
returning g.id, g.draft_id, g.user_id
