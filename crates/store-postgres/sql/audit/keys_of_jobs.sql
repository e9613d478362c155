-- Differs from SQLite: no row when there is none.
-- Jobs, bulk actions and mailings in one order.
select k.id
from (
  (select id from job_list where id > $1 and id <= $2 order by id limit 1)
  union all
  (select id from bulk_list where id > $1 and id <= $2 order by id limit 1)
  union all
  (select id from mailings where id > $1 and id <= $2 order by id limit 1)
) k
order by k.id
limit 1
