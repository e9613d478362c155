-- Differs from SQLite: planned for the values at hand, so one statement serves with and without a status.
select i.seq, i.custom_id, i.status, i.generation_id, i.draft_id, i.note_code, i.note, i.model, n.request
from job_items i
join job_inputs n on n.job_id = i.job_id and n.seq = i.seq
where i.job_id = $1 and i.seq > $2 and ($3::text is null or i.status = $3)
order by i.seq asc
limit $4
