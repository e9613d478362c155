-- Differs from SQLite: names, types and functions.
select a.id as subject, format('version %s is not the one its generation wrote', a.version) as detail
from assets a
where not exists (
  select 1 from versions v
  where v.generation_id = a.generation_id and v.draft_id = a.draft_id and v.number = a.version
)
