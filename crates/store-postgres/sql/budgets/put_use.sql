-- Differs from SQLite: a whole batch at once, of rows that are locked.
update budget_use b set used = u.used, reserved = u.reserved, warned = u.warned
from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::bigint[], $5::bigint[], $6::integer[])
  as u (budget_id, period_at, owner_id, used, reserved, warned)
where b.budget_id = any (array[u.budget_id]) and b.period_at = any (array[u.period_at])
  and b.owner_id = any (array[u.owner_id])
