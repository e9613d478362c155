-- Differs from SQLite: of several accounts at once.
select l.workspace_id, l.user_id, l.transfer_id, l.expires_at, l.remaining
from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, user_id)
join lots l on l.workspace_id = any (array[u.workspace_id]) and l.user_id = any (array[u.user_id])
order by l.workspace_id, l.user_id, l.expires_at, l.transfer_id
