-- Differs from SQLite: a whole batch at once.
select s.workspace_id, s.recipient, s.list
from unnest($1::uuid[], $2::text[], $3::text[]) as u (workspace_id, recipient, list)
join suppressions s on s.workspace_id = any (array[u.workspace_id]) and s.recipient = any (array[u.recipient])
  and s.list = any (array['', u.list])
