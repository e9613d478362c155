INSERT INTO bulk_list
    (id, workspace_id, user_id, key_id, action, kind, spec, created_at, idempotency_key, fingerprint, status, walk, total,
     open, done, skipped, failed, note_code, note, updated_at, finished_at, told_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
