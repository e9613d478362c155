INSERT INTO schedules (
    id, workspace_id, user_id, user_external, key_id, name, recipe, spec, state, note_code, note, ready_at, start_at, failures,
    skipped_at, revision, idempotency_key, fingerprint, created_at, updated_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1, $16, $17, $18, $18)
