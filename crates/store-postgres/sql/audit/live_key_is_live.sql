-- Differs from SQLite: names, types and functions.
select k.generation_id as subject, k.dedupe_key as detail
from live_keys k
where not exists (select 1 from (select id from ready union all select id from parked union all select id from runs) l where l.id = k.generation_id)
