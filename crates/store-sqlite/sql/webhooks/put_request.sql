-- Differs from Postgres: one at a time, since a statement costs no round trip.
INSERT INTO request_webhooks (workspace_id, generation_id, url, events) VALUES ($1, $2, $3, $4)
