-- Differs from SQLite: names, types and functions.
select coalesce(a.user_id, t.user_id) as subject,
       format('account %s available and %s held, transfers %s and %s', coalesce(a.available, 0), coalesce(a.held, 0),
              coalesce(t.available, 0), coalesce(t.held, 0)) as detail
from accounts a
full join (
  select workspace_id, user_id,
         coalesce(sum(amount) filter (where credit_account = 'user_available'), 0)
         - coalesce(sum(amount) filter (where debit_account = 'user_available'), 0) as available,
         coalesce(sum(amount) filter (where credit_account = 'user_held'), 0)
         - coalesce(sum(amount) filter (where debit_account = 'user_held'), 0) as held
  from transfers
  group by workspace_id, user_id
) t on t.workspace_id = a.workspace_id and t.user_id = a.user_id
where coalesce(a.available, 0) <> coalesce(t.available, 0) or coalesce(a.held, 0) <> coalesce(t.held, 0)
