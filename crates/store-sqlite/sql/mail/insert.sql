INSERT INTO mails (
    workspace_id, id, mailing_id, prospect_id, draft_id, version, name, address, recipient, message_id, reason, created_at, status,
    holds, tries, round, due_at, node_id, claimed_at, reply_code, reply, ended_at, kind, subscriber_id, list
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
    $23, $24, $25)
