-- Differs from SQLite: names, types and functions.
-- That it has no second one, the table sees to.
select o.workspace_id, o.id as subject, format('its version %s is not there', o.version) as detail
from outcomes o
where o.id > $1 and o.id <= $2
  and o.status = 'completed'
  and not exists (
    select 1 from versions v
    where v.generation_id = o.id and v.number = o.version and v.generation_id > $1 and v.generation_id <= $2
  )
