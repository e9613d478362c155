SELECT m.workspace_id, m.id, m.mailing_id, m.prospect_id, m.draft_id, m.version, m.name, m.address, m.recipient, m.message_id, m.kind, m.subscriber_id,
       m.list, m.reason, m.created_at, m.status, m.tries, m.round, m.due_at, m.node_id, m.claimed_at, m.reply_code, m.reply, m.ended_at
FROM mails m
WHERE m.workspace_id = $1 AND m.mailing_id = $2 AND m.status = 'failed' AND m.id > $3
ORDER BY m.id
LIMIT $4
