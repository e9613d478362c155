-- Differs from SQLite: names, types and functions.
select d.id as subject, 'its live generation is final, missing or of another draft' as detail
from drafts d
where d.live_generation_id is not null
  and not exists (
    select 1
    from (select id from ready union all select id from parked union all select id from runs) l
    join generations g on g.id = l.id
    where l.id = d.live_generation_id and g.draft_id = d.id
  )
