-- Differs from SQLite: a whole batch at once, of rows that are locked.
update job_list j
set status = u.status, stopping = u.stopping, note_code = u.note_code, note = u.note, pending = u.pending,
    processing = u.processing, completed = u.completed, failed = u.failed, skipped = u.skipped, cancelled = u.cancelled,
    spent_nanousd = u.spent_nanousd, unpriced = u.unpriced, cost_max_nanousd = u.cost_max_nanousd, revision = u.revision,
    started_at = u.started_at, updated_at = u.updated_at, finished_at = u.finished_at, told_at = u.told_at
from unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[], $18::timestamptz[], $19::uuid[])
  as u (status, stopping, note_code, note, pending, processing, completed, failed, skipped, cancelled, spent_nanousd,
        unpriced, cost_max_nanousd, revision, started_at, updated_at, finished_at, told_at, id)
where j.id = any (array[u.id])
