-- Differs from SQLite: a whole batch at once.
update job_items i
set status = u.status, note_code = u.note_code, note = u.note
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[])
  as u (status, note_code, note, job_id, seq, generation_id)
where i.job_id = any (array[u.job_id]) and i.seq = any (array[u.seq]) and i.generation_id = u.generation_id
