-- Differs from Postgres: one draft and recipient at a time.
SELECT m.draft_id, m.recipient, m.version
FROM mails m
WHERE m.workspace_id = $1 AND m.draft_id = $2 AND m.recipient = $3 AND m.holds = 1
