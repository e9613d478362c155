SELECT r.seq AS run_seq, r.kind AS run_kind, r.ready_at AS run_ready_at, r.made_at AS run_made_at, r.outcome AS run_outcome,
       r.missed AS run_missed, r.generation_id AS run_generation_id, r.draft_id AS run_draft_id, r.note_code AS run_note_code,
       r.note AS run_note
FROM schedule_runs r
WHERE r.schedule_id = $1 AND r.seq < $2
ORDER BY r.seq DESC
LIMIT $3
