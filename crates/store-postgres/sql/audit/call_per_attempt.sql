-- Differs from SQLite: names, types and functions. What may have been pruned is not missed.
select a.workspace_id, a.id as subject,
       format('%s attempts, calls of %s of them, the last is of attempt %s', a.attempt, coalesce(c.attempts, 0),
              coalesce(c.last, 0)) as detail
from (
  select workspace_id, id, attempt from ready where id > $1 and id <= $2
  union all select workspace_id, id, attempt from parked where id > $1 and id <= $2
  union all select workspace_id, id, attempt from runs where id > $1 and id <= $2
  union all select workspace_id, id, attempt from outcomes
  where id > $1 and id <= $2
    and finished_at >= coalesce((select before_at from retention where what = 'calls'), '-infinity')
) a
left join (
  select generation_id, count(distinct attempt) as attempts, max(attempt) as last
  from calls
  where generation_id > $1 and generation_id <= $2
  group by generation_id
) c on c.generation_id = a.id
where coalesce(c.attempts, 0) <> a.attempt or coalesce(c.last, 0) > a.attempt
