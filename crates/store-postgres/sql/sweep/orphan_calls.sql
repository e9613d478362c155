-- Differs from SQLite: a call that somebody is closing right now is left to them; the others are locked.
select k.id, k.generation_id, k.workspace_id, k.user_id, k.service, k.operation, k.model, g.input_bytes, exists (select from budgets) as budgeted
from calls k
join generations g on g.id = k.generation_id
where k.closed_at is null and k.opened_at < $1
  and not exists (select 1 from runs n where n.id = k.generation_id and n.call_id = k.id)
order by k.opened_at, k.id
limit $2
for no key update of k skip locked
