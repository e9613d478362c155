-- Differs from SQLite: a whole batch at once. Everything stands last.
select s.id, s.recipient, s.list, s.reason, s.created_at
from unnest($2::text[]) as u (recipient)
join suppressions s on s.workspace_id = $1 and s.recipient = any (array[u.recipient]) and s.list = any (array['', $3::text])
order by s.list desc
