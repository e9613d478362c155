-- Differs from SQLite: names, types and functions. What may have been pruned is not missed.
select o.workspace_id, o.id as subject, 'no call ended well' as detail
from outcomes o
where o.id > $1 and o.id <= $2
  and o.status = 'completed' and o.origin = 'generated'
  and o.finished_at >= coalesce((select before_at from retention where what = 'calls'), '-infinity')
  and not exists (
    select 1 from calls c
    where c.generation_id = o.id and c.outcome = 'ok' and c.generation_id > $1 and c.generation_id <= $2
  )
