-- Differs from SQLite: names, types and functions.
-- What a job counts of each status is how many of its items are so.
select c.workspace_id, c.id as subject, format('%s says %s, there are %s', c.status, c.said, c.there) as detail
from (
  select j.workspace_id, j.id, s.status,
         case s.status when 'pending' then j.pending when 'processing' then j.processing when 'completed' then j.completed
           when 'failed' then j.failed when 'skipped' then j.skipped else j.cancelled end as said,
         (select count(*) from job_items i where i.job_id = j.id and i.status = s.status) as there
  from job_list j
  cross join (values ('pending'), ('processing'), ('completed'), ('failed'), ('skipped'), ('cancelled')) s (status)
  where j.id > $1 and j.id <= $2
) c
where c.said <> c.there
