-- Differs from SQLite: names, types and functions.
select k.workspace_id, k.generation_id as subject, k.dedupe_key as detail
from live_keys k
where not exists (select 1 from ready r where r.id = k.generation_id)
  and not exists (select 1 from parked p where p.id = k.generation_id)
  and not exists (select 1 from runs n where n.id = k.generation_id)
