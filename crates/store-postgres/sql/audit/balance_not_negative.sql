-- Differs from SQLite: names, types and functions.
select a.workspace_id, a.user_id as subject, format('%s available, %s held', a.available, a.held) as detail
from accounts a
where (a.workspace_id, a.user_id) >= ($1, $2) and (a.workspace_id, a.user_id) < ($3, $4)
  and (a.available < 0 or a.held < 0)
