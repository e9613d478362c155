-- Differs from SQLite: parameters that may be null say their type.
select j.id, j.workspace_id, j.user_id, j.user_external, j.key_id, j.name, j.recipe, j.spec, j.dedupe_key, j.created_at,
       j.status, j.stopping, j.note_code, j.note, j.pending, j.processing, j.completed, j.failed, j.skipped, j.cancelled,
       j.spent_nanousd, j.unpriced, j.cost_max_nanousd, j.revision, j.started_at, j.updated_at, j.finished_at, j.told_at
from job_list j
where j.workspace_id = $1 and j.id > $2 and ($3::text is null or j.status = $3) and ($4::uuid is null or j.user_id = $4)
  and ($5::text is null or j.recipe = $5)
order by j.id asc
limit $6
