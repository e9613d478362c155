-- Differs from SQLite: names, types and functions.
-- A lot is part of its own grant; all lots of a user are counted and are part of what the user has.
select l.workspace_id, l.user_id as subject,
       format('%s left of a grant of %s', l.remaining, coalesce(t.amount, 0)) as detail
from lots l
left join transfers t
  on t.id = l.transfer_id and t.workspace_id = l.workspace_id and t.user_id = l.user_id
 and t.expires_at = l.expires_at and t.kind in ('grant', 'purchase')
where (l.workspace_id, l.user_id) >= ($1, $2) and (l.workspace_id, l.user_id) < ($3, $4)
  and (t.id is null or l.remaining > t.amount)
union all
select coalesce(a.workspace_id, l.workspace_id), coalesce(a.user_id, l.user_id),
       format('%s lots with %s, the account says %s lots and has %s', coalesce(l.lots, 0), coalesce(l.remaining, 0),
              coalesce(a.lots, 0), coalesce(a.has, 0))
from (
  select a.workspace_id, a.user_id, a.lots, a.available + a.held as has from accounts a where (a.workspace_id, a.user_id) >= ($1, $2) and (a.workspace_id, a.user_id) < ($3, $4)
) a
full join (
  select l.workspace_id, l.user_id, count(*) as lots, sum(l.remaining) as remaining
  from lots l
  where (l.workspace_id, l.user_id) >= ($1, $2) and (l.workspace_id, l.user_id) < ($3, $4)
  group by l.workspace_id, l.user_id
) l on l.workspace_id = a.workspace_id and l.user_id = a.user_id
where coalesce(l.lots, 0) <> coalesce(a.lots, 0) or coalesce(l.remaining, 0) > coalesce(a.has, 0)
