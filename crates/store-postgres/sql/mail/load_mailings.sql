-- Only here: SQLite has one writer. Locked in one order, so that two who want the same ones wait and never lock each other out.
select g.workspace_id, g.id, g.kind, g.secret, g.spec,
       g.single, g.again, g.list, g.draft_id, g.version, g.until_id, g.walk, g.cancelling, g.retry_walk, g.created_at,
       g.queued, g.sending, g.sent, g.failed, g.unknown, g.cancelled, g.skipped,
       g.paused_at, g.finished_at, g.updated_at
from mailings g
where (g.workspace_id, g.id) in (select u.workspace_id, u.id from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, id))
order by g.id
for update
