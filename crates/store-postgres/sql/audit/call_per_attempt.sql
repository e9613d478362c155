-- Differs from SQLite: names, types and functions. What may have been pruned is not missed.
select a.id as subject, format('%s attempts, calls of %s of them, the last is of attempt %s', a.attempt,
                               count(distinct c.attempt), coalesce(max(c.attempt), 0)) as detail
from (select id, attempt from ready union all select id, attempt from parked union all select id, attempt from runs
      union all select id, attempt from outcomes
      where finished_at >= coalesce((select before_at from retention where what = 'calls'), '-infinity')) a
left join calls c on c.generation_id = a.id
group by a.id, a.attempt
having count(distinct c.attempt) <> a.attempt or coalesce(max(c.attempt), 0) > a.attempt
