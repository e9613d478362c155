SELECT j.id, j.workspace_id, j.user_id, j.user_external, j.key_id, j.name, j.recipe, j.spec, j.dedupe_key, j.created_at,
       j.status, j.stopping, j.note_code, j.note, j.pending, j.processing, j.completed, j.failed, j.skipped, j.cancelled,
       j.spent_nanousd, j.unpriced, j.cost_max_nanousd, j.revision, j.started_at, j.updated_at, j.finished_at, j.told_at
FROM job_list j
WHERE j.workspace_id = $1 AND j.id = $2
