-- Differs from SQLite: all at once, as arrays.
SELECT generation_id, url, events
FROM request_webhooks
WHERE workspace_id = $1 AND generation_id = ANY ($2::uuid[])
