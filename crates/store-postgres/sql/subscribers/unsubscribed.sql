-- Differs from SQLite: a whole batch at once. Everything stands last.
select s.id, s.recipient, s.list, s.reason, s.created_at
from unnest($2::text[]) as u (recipient)
cross join lateral (
  select x.* from suppressions x
  where x.workspace_id = $1 and x.recipient = u.recipient and x.list = any (array['', $3::text])
  order by x.list
  offset 0
) s
order by s.list desc
