-- Differs from SQLite: spelling only. The users of a cuboid lie between $3 and $4: one of them, or all.
select no, user_id, service, operation, model
from usage_series
where workspace_id = $1 and cuboid = $2 and user_id between $3 and $4
limit $5
