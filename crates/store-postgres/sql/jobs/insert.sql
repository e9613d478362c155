INSERT INTO job_list
    (id, workspace_id, user_id, user_external, key_id, name, recipe, spec, dedupe_key, created_at, status, stopping,
     note_code, note, total, pending, processing, completed, failed, skipped, cancelled, spent_nanousd, unpriced,
     cost_max_nanousd, revision, started_at, updated_at, finished_at, told_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
        $26, $27, $28, $29)
