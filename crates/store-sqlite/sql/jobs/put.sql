-- Differs from Postgres: one writer, so one row at a time costs no round trip.
UPDATE job_list
SET status = $1, stopping = $2, note_code = $3, note = $4, pending = $5, processing = $6, completed = $7, failed = $8,
    skipped = $9, cancelled = $10, spent_nanousd = $11, unpriced = $12, cost_max_nanousd = $13, revision = $14,
    started_at = $15, updated_at = $16, finished_at = $17, told_at = $18
WHERE id = $19
