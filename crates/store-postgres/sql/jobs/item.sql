-- Differs from SQLite: a whole batch at once. Their job is locked, so they stand still.
select i.job_id, i.seq, i.status
from unnest($1::uuid[], $2::bigint[]) as u (job_id, seq)
join job_items i on i.job_id = any (array[u.job_id]) and i.seq = any (array[u.seq])
