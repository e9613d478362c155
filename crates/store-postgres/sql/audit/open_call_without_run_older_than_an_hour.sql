-- Differs from SQLite: names, types and functions.
select c.workspace_id, c.id as subject, 'open' as detail
from calls c
where c.closed_at is null
  and c.opened_at < $1::timestamptz - interval '1 hour'
  and not exists (select 1 from runs n where n.id = c.generation_id and n.call_id = c.id)
