-- Differs from SQLite: types are named.
INSERT INTO schedule_runs (
    schedule_id, seq, workspace_id, kind, ready_at, made_at, outcome, missed, generation_id, draft_id, note_code, note
)
SELECT $1::uuid, coalesce(max(seq), 0) + 1, $2::uuid, $3::text, $4::timestamptz, $5::timestamptz, $6::text, $7::bigint, $8::uuid, $9::uuid, $10::text, $11::text
FROM schedule_runs
WHERE schedule_id = $1
HAVING NOT EXISTS (SELECT 1 FROM schedule_runs WHERE schedule_id = $1 AND generation_id = $8)
