-- Differs from SQLite: of many at once.
select m.prospect_id, m.draft_id, m.version, m.message_id, m.ended_at
from mails m
where m.workspace_id = $1 and m.prospect_id = any ($2::uuid[]) and m.status = 'sent'
