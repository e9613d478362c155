-- Differs from Postgres: one writer, so nobody is faster.
-- What stands there has expired.
INSERT INTO post_keys (workspace_id, owner, route, key, fingerprint, transfer_id, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (workspace_id, owner, route, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    transfer_id = excluded.transfer_id,
    expires_at = excluded.expires_at
