-- What a file that has expired was put here under may be used again.
UPDATE files SET idempotency_key = NULL, fingerprint = NULL
WHERE workspace_id = $1 AND idempotency_key = $2 AND expires_at <= $3
