-- Differs from SQLite: what is due is found first and by itself, so that the order by id is no reason to walk all.
WITH due AS MATERIALIZED (SELECT id FROM schedules WHERE start_at <= $1 AND id > $2)
SELECT s.id, s.workspace_id, s.user_id, s.user_external, s.key_id, s.name, s.recipe, s.spec, s.state, s.note_code,
       s.note, s.ready_at, s.start_at, s.failures, s.skipped_at, s.revision, s.created_at, s.updated_at,
       r.seq AS run_seq, r.kind AS run_kind, r.ready_at AS run_ready_at, r.made_at AS run_made_at, r.outcome AS run_outcome,
       r.missed AS run_missed, r.generation_id AS run_generation_id, r.draft_id AS run_draft_id, r.note_code AS run_note_code,
       r.note AS run_note
FROM schedules s
LEFT JOIN schedule_runs r ON r.schedule_id = s.id
    AND r.seq = (SELECT max(x.seq) FROM schedule_runs x WHERE x.schedule_id = s.id)
WHERE s.id IN (SELECT d.id FROM due d ORDER BY d.id LIMIT $3)
ORDER BY s.id
