-- Differs from SQLite: one statement instead of two, and what another process is moving is left to it.
with due as (
  delete from parked
  where id = any (array(
    select id from parked
    where not_before_at is not null and not_before_at <= $1
    order by not_before_at, id
    limit $2
    for update skip locked
  ))
  returning *
)
insert into ready (
  queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
  last_error_code, last_error
)
select queue_id, sort_key, id, workspace_id, attempt, spent, row_version, deadline_at, model, step,
       last_error_code, last_error
from due
