-- Differs from SQLite: a whole batch at once, as arrays.
delete from lots l
using unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[]) as u (workspace_id, user_id, expires_at, transfer_id)
where l.workspace_id = any (array[u.workspace_id]) and l.user_id = any (array[u.user_id])
  and l.expires_at = any (array[u.expires_at]) and l.transfer_id = any (array[u.transfer_id])
