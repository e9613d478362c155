UPDATE mails
SET status = $1, holds = $2, tries = $3, round = $4, due_at = $5, node_id = $6, claimed_at = $7, reply_code = $8, reply = $9,
    ended_at = $10, reason = $11
WHERE workspace_id = $12 AND id = $13
