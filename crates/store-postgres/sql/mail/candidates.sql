-- Differs from SQLite: a lateral join, so that each mailing gives its first ones.
select d.workspace_id, d.mailing_id, d.id
from mailings g
cross join lateral (
    select m.workspace_id, m.mailing_id, m.id from mails m
    where m.workspace_id = g.workspace_id and m.mailing_id = g.id and m.status = 'queued' and m.due_at <= $1
    order by m.due_at, m.id limit $2
) d
where g.finished_at is null and g.paused_at is null and not g.cancelling
order by g.single desc, g.id
limit $2
