-- Differs from Postgres: one at a time, since a statement costs no round trip.
SELECT url, events FROM request_webhooks WHERE workspace_id = $1 AND generation_id = $2
