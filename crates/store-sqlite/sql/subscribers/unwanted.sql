-- Differs from Postgres: one mail at a time.
SELECT workspace_id, recipient, list FROM suppressions WHERE workspace_id = $1 AND recipient = $2 AND list IN ('', $3)
