INSERT INTO schedule_runs (
    schedule_id, seq, workspace_id, kind, ready_at, made_at, outcome, missed, generation_id, draft_id, note_code, note
)
SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
FROM schedule_runs
WHERE schedule_id = $1
HAVING NOT EXISTS (SELECT 1 FROM schedule_runs WHERE schedule_id = $1 AND generation_id = $8)
