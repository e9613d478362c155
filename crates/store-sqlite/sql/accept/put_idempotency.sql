-- Differs from Postgres: one writer, so one row at a time costs no round trip.
INSERT INTO idempotency
    (workspace_id, owner, route, key, fingerprint, generation_id, draft_id, deduplicated, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (workspace_id, owner, route, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    generation_id = excluded.generation_id,
    draft_id = excluded.draft_id,
    deduplicated = excluded.deduplicated,
    created_at = excluded.created_at,
    expires_at = excluded.expires_at
