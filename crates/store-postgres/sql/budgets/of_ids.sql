-- Only here: what another process changed since this one learnt of it.
select id, workspace_id, subject, subject_id, measure, period, zone, amount, warn_at, created_at, ended_at
from budgets
where id = any ($1::uuid[])
