-- Differs from SQLite: in spelling only.
-- In the order of the users' ids.
select a.user_id, a.available, a.held, coalesce(u.external_id, '') as user_external,
       case when a.lots > 0 then (
         select min(l.expires_at) from lots l where l.workspace_id = a.workspace_id and l.user_id = a.user_id
       ) end as expires_next_at
from accounts a
left join users u on u.workspace_id = a.workspace_id and u.id = a.user_id
where a.workspace_id = $1 and a.user_id > $2
order by a.user_id asc
limit $3
