-- Only here: a row must be there to be locked, also the first of its period.
insert into budget_use (budget_id, period_at, owner_id, used, reserved, folded, warned)
select u.budget_id, u.period_at, u.owner_id, 0, 0, 0, 0
from unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) as u (budget_id, period_at, owner_id)
order by u.budget_id, u.period_at, u.owner_id
on conflict do nothing
