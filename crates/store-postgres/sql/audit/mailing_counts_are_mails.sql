-- Differs from SQLite: names, types and functions.
-- What a mailing counts of each status is how many of its mails are so.
select c.workspace_id, c.id as subject, format('%s says %s, there are %s', c.status, c.said, c.there) as detail
from (
  select g.workspace_id, g.id, s.status,
         case s.status when 'queued' then g.queued when 'sending' then g.sending when 'sent' then g.sent when 'failed' then g.failed
             when 'unknown' then g.unknown when 'cancelled' then g.cancelled else g.skipped end as said,
         (select count(*) from mails m where m.workspace_id = g.workspace_id and m.mailing_id = g.id and m.status = s.status) as there
  from mailings g
  cross join (values ('queued'), ('sending'), ('sent'), ('failed'), ('unknown'), ('cancelled'), ('skipped')) s (status)
  where g.id > $1 and g.id <= $2
) c
where c.said <> c.there
