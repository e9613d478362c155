-- Differs from SQLite: all at once, as arrays.
INSERT INTO request_webhooks (workspace_id, generation_id, url, events)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
