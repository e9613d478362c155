-- Differs from SQLite: a whole batch at once. A range of one and its order, since no other index answers them: by equality
-- a planner that knows of no rows may as well walk the list.
select s.workspace_id, s.id, s.list, s.address, s.recipient, s.name, s.external_id, s.created_at, s.updated_at,
       u.id as suppression_id, u.list as suppression_list, u.reason, u.created_at as unsubscribed_at
from unnest($3::text[]) as w (recipient)
cross join lateral (
  select x.* from subscribers x
  where x.workspace_id = $1 and x.list = $2 and x.recipient >= w.recipient and x.recipient <= w.recipient
  order by x.recipient limit 1
) s
left join lateral (
  select x.* from suppressions x
  where x.workspace_id = s.workspace_id and x.recipient = s.recipient and x.list = any (array['', s.list])
  order by x.list limit 1
) u on true
