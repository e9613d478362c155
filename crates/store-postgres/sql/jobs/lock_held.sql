-- Only here: many writers. Whoever ends one of them takes its row before the job's, and so does whoever lets them go on.
select p.id
from job_items i
join parked p on p.id = i.generation_id
where i.job_id = $1 and i.status = $2 and p.reason = $3
order by p.id
for update of p
