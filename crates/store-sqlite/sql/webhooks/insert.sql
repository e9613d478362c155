INSERT INTO webhooks (id, workspace_id, url, events, description, secret, since_seq, revision, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING revision
