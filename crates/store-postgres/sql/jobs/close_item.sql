-- Differs from SQLite: a whole batch at once; answers with those it changed.
update job_items i
set status = u.status, note_code = u.note_code, note = u.note, generation_id = coalesce(u.generation_id, i.generation_id),
    draft_id = coalesce(u.draft_id, i.draft_id)
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[])
  as u (status, note_code, note, generation_id, draft_id, seq)
where i.job_id = $7 and i.seq = any (array[u.seq]) and i.status = $8
returning i.status
