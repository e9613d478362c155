-- Only here: SQLite has one writer. Their mailings are locked before them, always.
select m.workspace_id, m.id, m.mailing_id, m.prospect_id, m.draft_id, m.version, m.name, m.address, m.recipient, m.message_id, m.kind, m.subscriber_id,
       m.list, m.reason, m.created_at, m.status, m.tries, m.round, m.due_at, m.node_id, m.claimed_at, m.reply_code, m.reply, m.ended_at
from mails m
where (m.workspace_id, m.id) in (select u.workspace_id, u.id from unnest($1::uuid[], $2::uuid[]) as u (workspace_id, id))
order by m.id
for update
