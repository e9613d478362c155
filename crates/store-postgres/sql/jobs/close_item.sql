-- Differs from SQLite: a whole batch at once; answers with those it changed. The job stands beside each item so that the join
-- cannot be turned round, and the status is compared so that the index of statuses cannot answer: it would read all pending
-- items for each.
update job_items i
set status = u.status, note_code = u.note_code, note = u.note, generation_id = coalesce(u.generation_id, i.generation_id),
    draft_id = coalesce(u.draft_id, i.draft_id)
from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[])
  as u (status, note_code, note, generation_id, draft_id, job_id, seq)
where i.job_id = any (array[u.job_id]) and i.seq = any (array[u.seq]) and i.status is not distinct from $8
returning i.status
