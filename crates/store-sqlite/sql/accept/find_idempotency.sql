-- Differs from Postgres: one writer, so one row at a time costs no round trip.
SELECT fingerprint, generation_id, draft_id, deduplicated
FROM idempotency
WHERE workspace_id = $1 AND owner = $2 AND route = $3 AND key = $4 AND expires_at > $5
