-- Differs from SQLite: in spelling only.
select u.id as user_id, coalesce(a.available, 0) as available, coalesce(a.held, 0) as held,
       u.external_id as user_external,
       case when a.lots > 0 then (
         select min(l.expires_at) from lots l where l.workspace_id = u.workspace_id and l.user_id = u.id
       ) end as expires_next_at
from users u
left join accounts a on a.workspace_id = u.workspace_id and a.user_id = u.id
where u.workspace_id = $1 and u.id = $2
