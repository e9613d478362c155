UPDATE schedules
SET name = $1, recipe = $2, spec = $3, state = $4, note_code = $5, note = $6, ready_at = $7, start_at = $8, failures = $9,
    skipped_at = $10, revision = revision + 1, updated_at = $11
WHERE workspace_id = $12 AND id = $13 AND revision = $14
