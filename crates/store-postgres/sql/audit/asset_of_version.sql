-- Differs from SQLite: names, types and functions.
select a.workspace_id, a.generation_id as subject,
       format('file %s belongs to version %s, which is not the one it wrote', a.seq, a.version) as detail
from assets a
where a.generation_id > $1 and a.generation_id <= $2
  and not exists (
    select 1 from versions v
    where v.generation_id = a.generation_id and v.draft_id = a.draft_id and v.number = a.version
  )
