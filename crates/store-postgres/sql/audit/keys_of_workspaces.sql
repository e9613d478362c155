-- Differs from SQLite: names, types and functions.
-- Seeks: the next one of which there is a call or a total.
select w.id
from (
  (select workspace_id as id from calls where workspace_id > $1 and workspace_id <= $2 order by workspace_id limit 1)
  union all
  (select workspace_id from usage_series where workspace_id > $1 and workspace_id <= $2 order by workspace_id limit 1)
) w
order by w.id
limit 1
