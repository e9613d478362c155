-- Differs from SQLite: one statement, `leave_parked` included.
with gone as (
  delete from parked p
  using job_items i
  where i.job_id = $1 and i.status = $2 and p.id = i.generation_id and p.reason = $3
  returning p.*
)
insert into ready (
  queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step, last_error_code, last_error
)
select queue_id, sort_key, id, workspace_id, attempt, spent, row_version + 1, deadline_at, model, step, last_error_code,
       last_error
from gone
returning id
