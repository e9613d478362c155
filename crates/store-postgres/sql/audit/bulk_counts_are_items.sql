-- Differs from SQLite: names, types and functions.
-- What a bulk action counts of each outcome is how many of its items are so.
select c.workspace_id, c.id as subject, format('%s says %s, there are %s', c.outcome, c.said, c.there) as detail
from (
  select b.workspace_id, b.id, s.outcome,
         case s.outcome when 'open' then b.open when 'done' then b.done when 'skipped' then b.skipped else b.failed end as said,
         (select count(*) from bulk_items i where i.bulk_id = b.id and i.outcome = s.outcome) as there
  from bulk_list b
  cross join (values ('open'), ('done'), ('skipped'), ('failed')) s (outcome)
  where b.id > $1 and b.id <= $2
) c
where c.said <> c.there
