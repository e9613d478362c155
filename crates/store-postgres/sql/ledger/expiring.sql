-- Differs from SQLite: in spelling only.
-- Accounts with something that has expired and that no hold has set aside.
select l.workspace_id, l.user_id
from (
  select workspace_id, user_id, sum(remaining) as over
  from lots
  where expires_at <= $1
  group by workspace_id, user_id
) l
join accounts a on a.workspace_id = l.workspace_id and a.user_id = l.user_id
where l.over > a.held
order by l.workspace_id, l.user_id
limit $2
