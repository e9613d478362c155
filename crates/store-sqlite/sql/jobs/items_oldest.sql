-- Differs from Postgres: SQLite plans a statement once, so each filter with an index has its own.
SELECT i.seq, i.custom_id, i.status, i.generation_id, i.draft_id, i.note_code, i.note, i.model, n.request
FROM job_items i
JOIN job_inputs n ON n.job_id = i.job_id AND n.seq = i.seq
WHERE i.job_id = $1 AND i.seq > $2
ORDER BY i.seq ASC
LIMIT $3
