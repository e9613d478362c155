INSERT INTO mailings (
    workspace_id, id, spec, single, created_at, idempotency_key, fingerprint, total, queued, sending, sent, failed, unknown,
    cancelled, skipped, paused_at, finished_at, updated_at, kind, secret,
    again, list, draft_id, version, until_id, walk, cancelling, retry_walk
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
    $21, $22, $23, $24, $25, $26, $27, $28)
