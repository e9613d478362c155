-- Differs from Postgres: one prospect at a time.
SELECT m.prospect_id, m.draft_id, m.version, m.message_id, m.ended_at
FROM mails m INDEXED BY mails_sent
WHERE m.workspace_id = $1 AND m.prospect_id = $2 AND m.status = 'sent'
