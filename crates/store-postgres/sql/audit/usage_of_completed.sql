-- Differs from SQLite: names, types and functions.
select o.id as subject, 'no call ended well' as detail
from outcomes o
where o.status = 'completed' and o.origin = 'generated'
  and not exists (select 1 from calls c where c.generation_id = o.id and c.outcome = 'ok')
