-- Differs from SQLite: names, types and functions.
select d.workspace_id, d.id as subject, 'its live generation is final, missing or of another draft' as detail
from drafts d
where (d.workspace_id, d.id) > ($1, $2) and (d.workspace_id, d.id) <= ($3, $4)
  and d.live_generation_id is not null
  and (not exists (select 1 from generations g where g.id = d.live_generation_id and g.draft_id = d.id)
       or not (exists (select 1 from ready r where r.id = d.live_generation_id)
               or exists (select 1 from parked p where p.id = d.live_generation_id)
               or exists (select 1 from runs n where n.id = d.live_generation_id)))
