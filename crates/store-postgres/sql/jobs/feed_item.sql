-- Differs from SQLite: a whole batch at once.
update job_items i
set status = $1, generation_id = u.generation_id, draft_id = u.draft_id, note_code = null, note = null
from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[]) as u (generation_id, draft_id, job_id, seq)
where i.job_id = any (array[u.job_id]) and i.seq = any (array[u.seq])
