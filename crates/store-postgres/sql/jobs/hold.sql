-- Differs from SQLite: one statement, `leave_ready` included. What somebody is just taking (a claim, a cancel) has begun or
-- ends; it is passed over, so that nobody who holds the job's row waits for a row of the queue.
-- What of the job waits for its turn only and was never attempted; at most the window the feeder keeps.
with wanted as (
  select r.id
  from job_items i
  join ready r on r.id = i.generation_id
  where i.job_id = $1 and i.status = $2 and r.attempt = 0
  order by r.id
  for update of r skip locked
), gone as (
  delete from ready r using wanted w where r.id = w.id returning r.*
)
insert into parked (
  queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step, last_error_code, last_error,
  reason
)
select queue_id, sort_key, id, workspace_id, attempt, spent, row_version + 1, deadline_at, model, step, last_error_code,
       last_error, $3
from gone
returning id
